/** Pages in a real browser: one of this machine is an agent like any other, a foreign one stays outside (PITFALLS 82). */
import { describe, expect, it, onTestFinished } from 'vitest';
import { browse, CHROMIUM, pageServer } from '../support/browser.ts';
import { healthySession } from '../support/healthy-session.ts';
import { metric } from '../support/metrics-page.ts';
import { type RouterOptions, type RunningRouter, startRouter } from '../support/start-router.ts';

/** What a page found out. */
interface Report {
  /** What became of the WebSocket: `open`, `closed 1006` … */
  readonly socket: string;
  /** What a session of it got, e.g. the result of its call. */
  readonly result?: unknown;
  /** What fetching the metrics gave: the status, or that it was refused. */
  readonly metrics: string;
}

/** A WAMP client in a page: joins, registers a procedure, calls it, and reports the result. */
const page = (wsUrl: string, admin: string): string => `<!doctype html><title>agent</title><script type="module">
const report = { socket: 'none', metrics: 'none' };
const tell = () => fetch('/report', { method: 'POST', body: JSON.stringify(report) });
report.metrics = await fetch(${JSON.stringify(`${admin}/metrics`)}).then((r) => 'status ' + r.status, () => 'refused');
const ws = new WebSocket(${JSON.stringify(wsUrl)}, ['wamp.2.json']);
const say = (...message) => ws.send(JSON.stringify(message));
ws.onopen = () => {
  report.socket = 'open';
  say(1, 'realm1', { roles: { caller: {}, callee: {} } });
};
ws.onclose = ({ code }) => {
  if (report.result !== undefined) return;
  report.socket = 'closed ' + code;
  tell();
};
const answers = {
  2: () => say(64, 1, {}, 'page.add'),
  65: () => say(48, 2, {}, 'page.add', [3, 4]),
  68: ([, request, , , [a, b]]) => say(70, request, {}, [a + b]),
  50: ([, , , [sum]]) => {
    report.result = sum;
    tell();
  },
};
ws.onmessage = ({ data }) => {
  const message = JSON.parse(data);
  answers[message[0]]?.(message);
};
</script>`;

interface Visit {
  readonly report: Report;
  readonly router: RunningRouter;
}

/** A page of `host` that tries to reach the router as `routerHost`. */
async function visit(host: string, options: RouterOptions, routerHost = '127.0.0.1'): Promise<Visit> {
  const pages = await pageServer<Report>();
  const listeners = options.listeners?.replaceAll('PAGE_PORT', String(pages.port));
  const router = await startRouter({ ...options, ...(listeners === undefined ? {} : { listeners }) });
  onTestFinished(() => router.stop());
  const healthy = await healthySession(router.url);
  pages.serve(page(`ws://${routerHost}:${router.port}/ws`, router.admin.replace('127.0.0.1', routerHost)));
  browse(`http://${host}:${pages.port}/`);
  const report = await pages.report;
  await healthy.works();
  return { report, router };
}

const joinedByPages = async (router: RunningRouter): Promise<number> =>
  (await metric(router.admin, 'waggle_sessions_joined_total')) - 1;

describe.skipIf(CHROMIUM === undefined)(
  'in Chromium (skipped where none is installed), a page',
  { timeout: 60_000 },
  () => {
    it('of this machine joins, registers and calls', async () => {
      const { report, router } = await visit('127.0.0.1', {});
      expect(report).toMatchObject({ socket: 'open', result: 7 });
      expect(await joinedByPages(router)).toBe(1);
    });

    it('of this machine cannot read /metrics of another port all the same', async () => {
      const { report } = await visit('localhost', {});
      expect(report.metrics).toBe('refused');
    });

    it('PITFALLS 82: of a foreign origin does not get a connection, and reads nothing', async () => {
      const { report, router } = await visit('evil.example', {});
      expect(report).toEqual({ socket: 'closed 1006', metrics: 'refused' });
      expect(await joinedByPages(router)).toBe(0);
    });

    it('PITFALLS 82: whose own name has become the address of this machine (DNS rebinding) gets none either', async () => {
      const { report, router } = await visit('evil.example', {}, 'evil.example');
      expect(report).toEqual({ socket: 'closed 1006', metrics: 'refused' });
      expect(await joinedByPages(router)).toBe(0);
    });

    it('of an origin that the listener lists joins, and it was the list that kept it out', async () => {
      const listeners = `
listeners:
  - tcp: 127.0.0.1:0
    origins: ["http://app.example:PAGE_PORT"]
    endpoints: [{ path: /ws, protocol: wamp }]
admin: { tcp: 127.0.0.1:0 }
`;
      const listed = await visit('app.example', { listeners });
      expect(listed.report).toMatchObject({ socket: 'open', result: 7 });
      const other = await visit('other.example', { listeners });
      expect(other.report).toMatchObject({ socket: 'closed 1006' });
    });
  },
);
