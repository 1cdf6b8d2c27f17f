/** autobahn-python, of Debian's package `python3-autobahn`: another implementation on both sides of every message. */
import { execFile, spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Agent, joinAgent } from '../support/autobahn-client.ts';
import { RAW_NAMES } from '../support/raw-codec.ts';
import { type RunningRouter, startRouter } from '../support/start-router.ts';

// Debian's packages belong to Debian's Python, whichever comes first on the PATH.
const PYTHON = ['/usr/bin/python3', 'python3'].find(
  (python) => spawnSync(python, ['-c', 'import autobahn.twisted, cbor2, msgpack']).status === 0,
);
const SCRIPT = fileURLToPath(new URL('fixtures/autobahn-python.py', import.meta.url));

const title = `autobahn-python${PYTHON === undefined ? ' (skipped: there is no python3 with autobahn, cbor2 and msgpack)' : ''}`;

describe.skipIf(PYTHON === undefined)(title, () => {
  let router: RunningRouter;
  let echo: Agent;
  const found: Record<string, unknown>[] = [];

  beforeAll(async () => {
    router = await startRouter({
      listeners: 'listeners: [{ tcp: 127.0.0.1:0, rawsocket: true, endpoints: [{ path: /ws, protocol: wamp }] }]',
    });
    echo = await joinAgent({ url: router.url }, 'cbor');
    await echo.session.register('com.router.echo', ([value]) => value);
    const { stdout } = await promisify(execFile)(PYTHON ?? '', [SCRIPT, router.url, `rs://127.0.0.1:${router.port}`], {
      timeout: 120_000,
    });
    for (const line of stdout.trim().split('\n')) found.push(JSON.parse(line));
  }, 130_000);
  afterAll(async () => {
    await echo?.leave();
    await router?.stop();
  });

  const ways = [
    ...RAW_NAMES.flatMap((name) => [['websocket', name] as const, ['rawsocket', name] as const]),
    ['websocket batched', 'msgpack'] as const,
    ['websocket batched', 'cbor'] as const,
  ];
  it.each(ways)('over %s in %s: calls, is called, publishes, hears, and gets errors', (transport, serializer) => {
    expect(found.find((each) => each.transport === transport && each.serializer === serializer)).toEqual({
      transport,
      serializer,
      sum: 5,
      echo: true,
      bytes: true,
      event: true,
      error: 'wamp.error.no_such_procedure',
    });
  });
});
