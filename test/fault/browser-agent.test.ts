/** `waggle-router/agent` in a page of a real browser, as the module that the package has for browsers. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { connectAgent } from '../../src/agent/index.ts';
import { browse, CHROMIUM, pageServer } from '../support/browser.ts';
import { startRouter } from '../support/start-router.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { build, ROOT } from '../support/waggle-process.ts';

interface Report {
  readonly greeting?: unknown;
  readonly heard?: unknown;
  readonly refused?: unknown;
  readonly signed?: unknown;
  readonly again?: unknown;
  readonly problem?: string;
}

/** Joins, offers, calls, hears itself, signs, is cut off by its own call, and comes back. */
const page = (url: string): string => `<!doctype html><title>agent</title><script type="module">
import { connectAgent, publicKeyOf, signPayload, verifyPayload, PeerError } from '/agent.js';
const report = {};
try {
  const agent = await connectAgent({ url: ${JSON.stringify(url)}, realm: 'realm1' });
  await agent.register('page.greet', ([name]) => 'hello ' + name);
  report.greeting = await agent.call('page.greet', ['swarm']);
  const heard = new Promise((resolve) => agent.subscribe('page.topic', ([n]) => resolve(n)).then(() =>
    agent.publish('page.topic', [7], {}, { exclude_me: false })));
  report.heard = await heard;
  report.refused = await agent.call('page.none').catch((error) => error instanceof PeerError && error.uri);
  const key = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60';
  report.signed = verifyPayload(publicKeyOf(key), signPayload(key, { a: 1 }));
  const again = new Promise((resolve) => agent.on('joined', resolve));
  await agent.publish('page.cut', [], {}, { acknowledge: false });
  await again;
  report.again = await agent.call('page.greet', ['again']);
} catch (error) {
  report.problem = String(error);
}
await fetch('/report', { method: 'POST', body: JSON.stringify(report) });
</script>`;

describe.skipIf(CHROMIUM === undefined)(
  'in Chromium (skipped where none is installed), the agent of a page',
  { timeout: 60_000 },
  () => {
    beforeAll(build, 120_000);

    it('joins, offers, calls, publishes, verifies, and comes back after a cut with what it offered', async () => {
      const pages = await pageServer<Report>({
        '/agent.js': readFileSync(join(ROOT, 'dist/agent/browser.js'), 'utf8'),
      });
      const router = await startRouter();
      onTestFinished(() => router.stop());
      const proxy = await TcpProxy.before(router.port);
      const other = await connectAgent({ url: router.url, realm: 'realm1' });
      onTestFinished(() => other.close());
      await other.subscribe('page.cut', () => proxy.cut());
      pages.serve(page(proxy.url));
      browse(`http://127.0.0.1:${pages.port}/`);
      expect(await pages.report).toEqual({
        greeting: 'hello swarm',
        heard: 7,
        refused: 'wamp.error.no_such_procedure',
        signed: true,
        again: 'hello again',
      });
    });
  },
);
