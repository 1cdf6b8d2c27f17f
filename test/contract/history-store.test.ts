import { mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { MemoryHistory } from '../../src/observe/history/memory-history.ts';
import { NoHistory } from '../../src/observe/history/no-history.ts';
import { HistoryError } from '../../src/observe/history/sqlite-history.ts';
import { ErrorUri } from '../../src/wamp/errors.ts';
import { Payload } from '../../src/wamp/payload.ts';
import { getEvents, historyCore, memoryStore, pastValues, sqliteStore, WIDE } from '../support/histories.ts';
import { STARTED } from '../support/typescript-workers.ts';
import { historyStoreSuite } from './history-store.ts';

historyStoreSuite('memory', memoryStore);
historyStoreSuite('sqlite', sqliteStore);

const past = (order: number, weight = 1000) => {
  const rest = { disclosed: undefined, trustlevel: undefined, passthru: undefined, receivers: undefined };
  return { order, time: order, publication: order, topic: 'a', payload: Payload.EMPTY, weight, ...rest };
};

describe('memory', () => {
  it('takes no more than its bounds, however much is added', () => {
    const store = new MemoryHistory(() => 0);
    const series = { ...WIDE, maxBytes: 50_000, key: 'r exact a', store };
    for (let order = 1; order <= 10_000; order += 1) store.add(series, past(order));
    expect(store.bytes).toBe(50_000);
    store.add(series, past(10_001, 60_000));
    expect(store.bytes).toBe(0);
  });
});

describe('sqlite', () => {
  it('survives a restart: events, their order and who may see them', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'waggle-history-'));
    const before = await sqliteStore(folder);
    const core = historyCore(before.store);
    const publisher = core.join();
    for (const n of [1, 2, 3]) publisher.publish('a.b', { args: [n] });
    publisher.publish('a.b', { args: ['secret'], eligibleAuthrole: ['admin'] });
    const after = await before.reopen();
    onTestFinished(() => after.close());
    const next = historyCore(after.store);
    next.clock.advance(1000);
    next.join().publish('a.b', { args: [4] });
    const asker = next.join();
    expect(await pastValues(asker, [asker.subscribed('a.b')])).toEqual([1, 2, 3, 4]);
    const admin = next.join({ authrole: 'admin' });
    expect(await pastValues(admin, [admin.subscribed('a.b')], { reverse: true, limit: 2 })).toEqual([4, 'secret']);
    expect(before.lost).toEqual([]);
  });

  it('a thread that ends is replaced: what it had not written is written, who was waiting is told', async () => {
    const { store, close, lost } = await sqliteStore();
    onTestFinished(close);
    const series = { ...WIDE, key: 'r exact a', store };
    store.configure('r', [series]);
    store.add(series, past(1));
    expect(await store.find([series], 1)).toBe(1);
    const waiting = store.find([series], 1);
    await STARTED.at(-1)?.terminate();
    store.add(series, past(2));
    await expect(waiting.catch((error: { uri: string }) => error.uri)).resolves.toSatisfy(
      (answer) => answer === 1 || answer === ErrorUri.HISTORY_UNAVAILABLE,
    );
    await vi.waitFor(async () => expect(await store.find([series], 2)).toBe(2), { timeout: 15_000, interval: 100 });
    expect(lost).toEqual([expect.stringContaining('trying again')]);
  }, 20_000);

  it('rows beyond the bounds leave the file, by number, bytes and age', async () => {
    const { store, close, lost } = await sqliteStore();
    onTestFinished(close);
    const bounds = [{ limit: 10 }, { maxBytes: 20_000 }, { maxAgeMs: 60_000 }];
    const all = bounds.map((each, at) => ({ ...WIDE, ...each, key: `r exact ${at}`, store }));
    store.configure('r', all);
    for (let order = 1; order <= 3000; order += 1) for (const series of all) store.add(series, past(order));
    await vi.waitFor(
      async () => {
        const unbounded = all.map((series) => ({ ...series, limit: 1_000_000, maxBytes: 1e9 }));
        for (const [at, left] of [10, 20, 0].entries()) {
          // Whoever asks for the publication itself is told by the rows alone.
          const [first] = unbounded.slice(at, at + 1);
          if (first === undefined) continue;
          expect(await store.find([first], 3000 - left)).toBeUndefined();
          if (left > 0) expect(await store.find([first], 3001 - left)).toBe(3001 - left);
        }
      },
      { timeout: 15_000, interval: 100 },
    );
    expect(lost).toEqual([]);
  }, 20_000);

  it('its files are readable by their owner only', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'waggle-history-'));
    const { close, store } = await sqliteStore(folder);
    onTestFinished(close);
    store.add({ ...WIDE, key: 'r exact a', store }, past(1));
    await store.find([{ ...WIDE, key: 'r exact a', store }], 1);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777).toBe(0o600);
  });

  it('a file that is none is refused when it is opened', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'waggle-history-'));
    writeFileSync(join(folder, 'history.sqlite3'), 'this is no database, it is a text of some length'.repeat(100));
    await expect(sqliteStore(folder)).rejects.toThrow(HistoryError);
  });

  it('what comes when the store is closed is lost and counted', async () => {
    const { store, close, lost } = await sqliteStore();
    await close();
    store.add({ ...WIDE, key: 'r exact a', store }, past(1));
    expect(lost).toEqual(['history_full a']);
  });

  it('where better-sqlite3 is missing what is to be kept is counted as lost, and asking is refused', async () => {
    const lost: string[] = [];
    const core = historyCore(new NoHistory((topic) => lost.push(topic)));
    const client = core.join();
    client.publish('a.b');
    expect(await getEvents(client, [client.subscribed('a.b')])).toBe(ErrorUri.HISTORY_UNAVAILABLE);
    expect(lost).toEqual(['a.b']);
  });
});
