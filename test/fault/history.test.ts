/** Event history of a whole router: the realm file's rules, a restart, reload, and clients in every encoding. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import '../support/typescript-workers.ts';
import { metric } from '../support/metrics-page.ts';
import { RawClient } from '../support/raw-client.ts';
import type { RawName } from '../support/raw-codec.ts';
import { OPEN_REALM, type RunningRouter, startRouter } from '../support/start-router.ts';

const RULES = `events:
  - { uri: com.kept., match: prefix, history: { limit: 100, store: sqlite } }
  - { uri: com.short., match: prefix, history: { limit: 2 } }
`;

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'waggle-history-'));
  onTestFinished(() => rmSync(made, { recursive: true, force: true }));
  return made;
}

async function router(file: string, realm = OPEN_REALM + RULES): Promise<RunningRouter> {
  const running = await startRouter({ realms: { realm1: realm }, extra: `history: { file: ${file} }` });
  onTestFinished(() => running.stop());
  return running;
}

async function client(url: string, name: RawName = 'json'): Promise<RawClient> {
  const joined = await (await RawClient.connect(url, name)).join('realm1');
  onTestFinished(() => joined.destroy());
  return joined;
}

async function publish(to: RawClient, topic: string, ...payload: unknown[]): Promise<void> {
  to.publish(topic, { acknowledge: true }, ...payload);
  await to.expect(17);
}

async function past(from: RawClient, topic: string, options = {}): Promise<{ args?: unknown[]; kwargs?: unknown }[]> {
  const subscription = await from.subscribe(topic, { match: 'prefix' });
  from.call('wamp.subscription.get_events', {}, [subscription], options);
  const { args } = await from.expect(50);
  return (args as [{ args: unknown[] }[]])[0];
}

const values = async (from: RawClient, topic: string, options = {}) =>
  (await past(from, topic, options)).map(({ args }) => args?.[0]);

it('a history in SQLite survives a restart, one in memory does not', async () => {
  const file = join(folder(), 'data', 'history.sqlite3');
  const first = await router(file);
  const publisher = await client(first.url);
  for (const n of [1, 2, 3]) await publish(publisher, 'com.kept.a', [n]);
  for (const n of [1, 2, 3]) await publish(publisher, 'com.short.a', [n]);
  expect(await values(await client(first.url), 'com.')).toEqual([1, 2, 3, 2, 3]);
  await first.stop();
  const second = await router(file);
  await publish(await client(second.url), 'com.kept.b', [4]);
  expect(await values(await client(second.url), 'com.')).toEqual([1, 2, 3, 4]);
});

it('what was published in one encoding is answered in every other', async () => {
  const { url } = await router(join(folder(), 'history.sqlite3'));
  const names: readonly RawName[] = ['json', 'msgpack', 'cbor'];
  for (const name of names) {
    for (const topic of ['com.kept.x', 'com.short.x']) {
      await publish(await client(url, name), topic, [name, { née: [1.5, null, true] }], { k: '☃' });
    }
  }
  for (const name of names) {
    const asker = await client(url, name);
    const told = (of: readonly RawName[]) =>
      of.map((each) => ({ args: [each, { née: [1.5, null, true] }], kwargs: { k: '☃' } }));
    expect(await past(asker, 'com.kept.')).toMatchObject(told(names));
    expect(await past(asker, 'com.short.')).toMatchObject(told(names.slice(-2)));
  }
});

it('a reload takes the history of a rule that is gone away, and keeps that of the others', async () => {
  const running = await router(join(folder(), 'history.sqlite3'));
  const both = await client(running.url);
  await publish(both, 'com.kept.a', [1]);
  await publish(both, 'com.short.a', [2]);
  running.writeRealm('realm1', `${OPEN_REALM}events: [{ uri: com.short., match: prefix, history: { limit: 2 } }]\n`);
  running.reload();
  running.writeRealm('realm1', OPEN_REALM + RULES);
  running.reload();
  expect(await values(await client(running.url), 'com.')).toEqual([2]);
});

it('publications that are not kept for their lists are counted', async () => {
  const running = await router(join(folder(), 'history.sqlite3'));
  const publisher = await client(running.url);
  publisher.publish('com.kept.a', { exclude: [1], acknowledge: true });
  await publisher.expect(17);
  expect(await metric(running.admin, 'waggle_events_unkept_total{cause="history_by_session"}')).toBe(1);
});

it('a file that is no database is an error at the start that names it', async () => {
  const file = join(folder(), 'history.sqlite3');
  writeFileSync(file, 'this is no database, it is a text of some length'.repeat(100));
  await expect(router(file)).rejects.toThrow(/history\.file .*history\.sqlite3: /);
});

it('a router without such a rule opens no file', async () => {
  const running = await router(join(folder(), 'none', 'history.sqlite3'), OPEN_REALM);
  expect(await values(await client(running.url), 'com.')).toEqual([]);
});
