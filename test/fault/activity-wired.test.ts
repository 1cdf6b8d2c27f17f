/** The built router writes the trace it is configured to write, and says so when it cannot (BRIDGES §1). */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { NO_SQLITE } from '../support/activity.ts';
import { BubClient } from '../support/bub-client.ts';
import { BUB_REALM } from '../support/bub-router.ts';
import { metric } from '../support/metrics-page.ts';
import { build, folderOf, waggle } from '../support/waggle-process.ts';

const ROUTER = `
realms: realms
listeners:
  - tcp: 127.0.0.1:0
    endpoints: [{ path: /ws, protocol: wamp }, { path: /bub, protocol: bub-v2, realm: realm1, auth: none }]
admin: { tcp: 127.0.0.1:0 }
activityLog: { file: data/activity.sqlite3 }
`;

const envelope = (messageId: string) => ({
  messageId,
  type: 'tg_message',
  from: 'tg:1',
  timestamp: '2026-02-17T12:00:00Z',
  content: { text: 'hello' },
});

beforeAll(build);

describe.skipIf(NO_SQLITE !== undefined)('the activity log of a running router', () => {
  it('holds the whole life of every message after a graceful stop, and waggle log tells it', async () => {
    const folder = folderOf({ 'router.yaml': ROUTER, 'realms/realm1.yaml': BUB_REALM });
    const config = join(folder, 'router.yaml');
    const router = await waggle(['start', '--config', config]).ready();
    const url = `${router.url().replace(/\/ws$/, '')}/bub`;
    await BubClient.join(url, 'agent:worker', 'agent:worker');
    const sender = await BubClient.join(url, 'tg:1');
    for (let i = 0; i < 50; i += 1) await sender.publish('agent:worker', envelope(`m${i}`));
    router.kill('SIGTERM');
    expect(await router.ended).toMatchObject({ code: 0 });
    const log = waggle(['log', '--config', config, '--message', 'm49', '--json']);
    expect(await log.ended).toMatchObject({ code: 0 });
    const events = log.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).event);
    expect(events).toEqual(['send_start', 'process_start', 'process_finish', 'send_finish']);
    const all = waggle(['log', '--config', config, '--limit', '1000', '--json']);
    await all.ended;
    expect(all.stdout.trim().split('\n')).toHaveLength(200);
  });

  it('is counted on the metrics page', async () => {
    const folder = folderOf({ 'router.yaml': ROUTER, 'realms/realm1.yaml': BUB_REALM });
    const router = await waggle(['start', '--config', join(folder, 'router.yaml')]).ready();
    const sender = await BubClient.join(`${router.url().replace(/\/ws$/, '')}/bub`, 'tg:1');
    await sender.publish('tg:2', envelope('m'));
    await expect.poll(() => metric(router.url('admin'), 'waggle_activity_rows_written_total')).toBe(2);
  });

  it('a file that cannot be used is a reason not to start: an audit that was asked for is not left out', async () => {
    const folder = folderOf({
      'router.yaml': ROUTER.replace('data/activity.sqlite3', 'realms/realm1.yaml'),
      'realms/realm1.yaml': BUB_REALM,
    });
    const router = waggle(['start', '--config', join(folder, 'router.yaml')]);
    expect(await router.ended).toMatchObject({ code: 1 });
    expect(router.stderr).toContain('realm1.yaml');
    expect(router.stdout).not.toContain('listening');
    expect(existsSync(join(folder, 'realms/realm1.yaml'))).toBe(true);
  });
});
