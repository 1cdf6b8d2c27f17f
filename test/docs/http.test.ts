/** What docs/http.md shows: its commands, run by a shell against the realm that is shipped, and its table of errors. */
import { execFile, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { statusOf } from '../../src/adapters/http/status.ts';
import { startRouter } from '../support/start-router.ts';

const file = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
const page = file('docs/http.md');
const commands = [...page.matchAll(/```sh\n(curl .*)\n```/g)].map(([, command = '']) => command.trim());
const hasCurl = spawnSync('curl', ['--version']).status === 0;

describe.skipIf(!hasCurl)('the commands (skipped where curl is not installed)', () => {
  it('call, publish and subscribe as the page says', async () => {
    const router = await startRouter({
      realms: { 'yamtam-swarm': file('realms/yamtam-swarm.yaml') },
      listeners: 'listeners: [{ tcp: 127.0.0.1:0, endpoints: [{ path: /api, protocol: http }] }]',
      env: { YAMTAM_AGENT_TOKEN: 'a-ticket-of-32-characters-or-more' },
    });
    const env = {
      ...process.env,
      API: `http://127.0.0.1:${router.port}/api/realms/yamtam-swarm`,
      YAMTAM_AGENT_ID: 'planner',
      YAMTAM_AGENT_TOKEN: 'a-ticket-of-32-characters-or-more',
    };
    const run = promisify(execFile);
    const [call = '', publish = '', watch = ''] = commands;
    const shell = async (command: string) =>
      (await run('sh', ['-c', command.replace('curl', 'curl --silent')], { env })).stdout;
    expect(JSON.parse(await shell(call))).toEqual({ args: [expect.any(Number)], kwargs: {} });
    expect(JSON.parse(await shell(publish))).toEqual({ publication: expect.any(Number) });
    const watching = spawn('sh', ['-c', `exec ${watch}`], { env, stdio: ['ignore', 'pipe', 'ignore'] });
    const [first] = (await once(watching.stdout, 'data')) as [Buffer];
    expect(first.toString()).toMatch(/^event: subscribed\n/);
    watching.kill();
    await once(watching, 'close');
    await router.stop();
  });

  it('are three', () => {
    expect(commands).toHaveLength(3);
  });
});

it('every URI in the table of errors has the status of its row', () => {
  const rows = [...page.matchAll(/^\| (\d{3}) \| (.*) \|$/gm)];
  expect(rows.length).toBeGreaterThan(10);
  for (const [, status, text = ''] of rows) {
    for (const [, uri = ''] of text.matchAll(/`((?:wamp|waggle)\.error\.[a-z_.]+)`/g)) {
      expect([uri, statusOf(uri)]).toEqual([uri, Number(status)]);
    }
  }
});
