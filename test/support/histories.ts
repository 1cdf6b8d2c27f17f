/** Event history for tests: realms that keep one, and where it can be kept. */
import './typescript-workers.ts';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { compileEventRules } from '../../src/acl/event-rules.ts';
import { MemoryHistory } from '../../src/observe/history/memory-history.ts';
import { SqliteHistory } from '../../src/observe/history/sqlite-history.ts';
import type { EventRules } from '../../src/router/event-rules.ts';
import type { HistoryStore, Series } from '../../src/router/history.ts';
import { serializers } from '../../src/serializers/registry.ts';
import { SYSTEM_CLOCK } from '../../src/server/system-clock.ts';
import type { Dict } from '../../src/wamp/payload.ts';
import { type Client, type CoreOptions, TestCore } from './core.ts';

export const WIDE = { limit: 1000, maxBytes: 10_000_000 };

/** A store, told apart by name, with what tests need around it. */
export interface TestStore {
  readonly store: HistoryStore & { configure(realm: string, series: readonly Series[]): void };
  readonly lost: string[];
  /** The same again, as after a restart. Only of what survives one. */
  reopen(): Promise<TestStore>;
  close(): Promise<void>;
}

/** @param now of the memory store; the other one lives in a thread with a clock of its own */
export async function memoryStore(now = () => Date.now()): Promise<TestStore> {
  const store = new MemoryHistory(now);
  return { store, lost: [], reopen: () => Promise.reject(new Error('gone with the router')), close: async () => {} };
}

export async function sqliteStore(folder = mkdtempSync(join(tmpdir(), 'waggle-history-'))): Promise<TestStore> {
  const lost: string[] = [];
  const store = await SqliteHistory.open({
    file: join(folder, 'history.sqlite3'),
    codecs: serializers,
    clock: SYSTEM_CLOCK,
    onLost: (topic, cause) => lost.push(`${cause} ${topic}`),
    onProblem: (text) => lost.push(text),
  });
  return {
    store,
    lost,
    async reopen() {
      await store.close();
      return sqliteStore(folder);
    },
    async close() {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Everything below `a.` and `b.` is kept, in a series each. */
export function rulesOf(store: HistoryStore, bounds: Partial<Series> = {}): EventRules {
  const rules = ['a.', 'b.'].map((uri) => ({
    uri,
    match: 'prefix' as const,
    retain: 'allowed' as const,
    at: 'realm.yaml:1',
  }));
  return compileEventRules(rules, ({ uri }) => ({ ...WIDE, ...bounds, key: `test prefix ${uri}`, store }));
}

export function historyCore(store: HistoryStore, options: CoreOptions & { bounds?: Partial<Series> } = {}): TestCore {
  return new TestCore({ meta: true, ...options, events: rulesOf(store, options.bounds) });
}

export const GET_EVENTS = 'wamp.subscription.get_events';

/** Calls and waits for the answer. @returns the events, or the error URI */
export async function getEvents(client: Client, args: readonly unknown[], kwargs?: Dict): Promise<unknown> {
  const request = client.call(GET_EVENTS, kwargs === undefined ? { args } : { args, kwargs });
  for (;;) {
    for (const came of client.take()) {
      if (came[0] === 50 && came[1] === request) return (came[3] as unknown[])[0];
      if (came[0] === 8 && came[2] === request) return came[4];
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** First arguments of the events. */
export async function pastValues(client: Client, args: readonly unknown[], kwargs?: Dict): Promise<unknown> {
  const events = await getEvents(client, args, kwargs);
  return Array.isArray(events) ? events.map((event) => event.args?.[0]) : events;
}
