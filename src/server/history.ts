import type { Config, EventRuleConfig, RealmConfig } from '../config/types.ts';
import { MemoryHistory } from '../observe/history/memory-history.ts';
import { NoHistory } from '../observe/history/no-history.ts';
import { HistoryError, SqliteHistory } from '../observe/history/sqlite-history.ts';
import type { Log } from '../observe/log.ts';
import type { Clock } from '../router/clock.ts';
import type { HistoryStore, Series } from '../router/history.ts';
import type { RouterObserver } from '../router/observer.ts';
import { serializers } from '../serializers/registry.ts';

export interface HistoriesDeps {
  readonly clock: Clock;
  readonly log: Log;
  readonly observer: RouterObserver;
}

/** The stores of event history, for all realms. */
export class Histories {
  readonly #deps: HistoriesDeps;
  readonly #memory: MemoryHistory;
  #sqlite: SqliteHistory | undefined;
  #persistent: HistoryStore;
  /** better-sqlite3 is not there. */
  #missing = false;

  constructor(deps: HistoriesDeps) {
    this.#deps = deps;
    this.#memory = new MemoryHistory(() => deps.clock.now());
    this.#persistent = new NoHistory((topic, cause) => deps.observer.unkept(topic, cause));
  }

  /**
   * Opens the file where a rule of any realm needs it. Where better-sqlite3 is missing the router runs without and says
   * so. A rule that comes with a reload and is the first to need it waits for a restart, and the log says that.
   * @throws HistoryError where the file cannot be used: a history that was asked for is not left out silently
   */
  async open({ router, realms }: Config): Promise<void> {
    if (!needsFile(realms.values())) return;
    const { clock, log, observer } = this.#deps;
    const { file } = router.history;
    try {
      this.#sqlite = await SqliteHistory.open({
        file,
        codecs: serializers,
        clock,
        onLost: (topic, cause) => observer.unkept(topic, cause),
        onProblem: (text) => log.error(text),
      });
      this.#persistent = this.#sqlite;
    } catch (error) {
      if (!(error instanceof HistoryError)) throw error;
      if (!error.sqliteMissing) throw new HistoryError(`history.file ${file}: ${error.message}`, false);
      this.#missing = true;
      log.warn(`running without persistent event history: ${error.message}`);
    }
  }

  /** The series of a realm, one for each rule that keeps a history; what was kept by rules that are gone is forgotten. */
  configure({ realm, events }: RealmConfig): (rule: EventRuleConfig) => Series | undefined {
    const series = new Map<EventRuleConfig, Series>();
    for (const rule of events) {
      const { history, match, uri } = rule;
      if (history === undefined) continue;
      const { store, ...bounds } = history;
      const kept = store === 'memory' ? this.#memory : this.#persistent;
      series.set(rule, { ...bounds, key: `${realm} ${match} ${uri}`, store: kept });
    }
    if (this.#sqlite === undefined && !this.#missing && needsFile([{ events }])) {
      this.#deps.log.warn({ realm }, 'history with store: sqlite needs a restart: until then its events are lost');
    }
    for (const store of [this.#memory, this.#sqlite]) {
      store?.configure(
        realm,
        [...series.values()].filter((each) => each.store === store),
      );
    }
    return (rule) => series.get(rule);
  }

  async close(): Promise<void> {
    await this.#sqlite?.close();
  }
}

function needsFile(realms: Iterable<Pick<RealmConfig, 'events'>>): boolean {
  for (const { events } of realms) if (events.some(({ history }) => history?.store === 'sqlite')) return true;
  return false;
}
