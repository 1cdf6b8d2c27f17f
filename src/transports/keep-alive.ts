/** When a silent peer is asked, and when it is given up; milliseconds, read anew at each round. */
export interface KeepAliveLimits {
  /** Silence after which a ping is sent; 0: nobody is pinged, nobody is given up. */
  readonly pingMs: number;
  /** Silence after the ping after which the peer is dead. */
  readonly timeoutMs: number;
}

/** A connection under watch. */
export interface Watched {
  /** Changes with every sign of life: bytes read from the peer, or taken by it while a backlog waits. */
  signsOfLife(): number;
  /** Sends a ping. */
  probe(): void;
  /** Nothing was heard for `silentMs`; the connection must go without a further byte. */
  dead(silentMs: number): void;
}

interface Watch {
  signs: number;
  since: number;
  probed: boolean;
}

/** Rounds come at a quarter of the shorter limit, so a limit is overdrawn by a quarter at most; within these bounds. */
const ROUND_MS = { least: 5, most: 1000 };

/**
 * Finds peers that are gone without having said so (PITFALLS 80): one timer for all connections, nothing per message.
 * Whatever a peer sends counts, not only pongs.
 */
export class KeepAlive {
  readonly #limits: () => KeepAliveLimits;
  readonly #watched = new Map<Watched, Watch>();
  #timer: NodeJS.Timeout | undefined;
  #due = 0;

  constructor(limits: () => KeepAliveLimits) {
    this.#limits = limits;
  }

  add(connection: Watched): void {
    this.#watched.set(connection, { signs: connection.signsOfLife(), since: performance.now(), probed: false });
    if (this.#timer === undefined) this.#arm();
  }

  delete(connection: Watched): void {
    this.#watched.delete(connection);
  }

  #arm(): void {
    const { pingMs, timeoutMs } = this.#limits();
    const shorter = pingMs === 0 ? Number.POSITIVE_INFINITY : Math.min(pingMs, timeoutMs);
    const wait = Math.min(Math.max(shorter / 4, ROUND_MS.least), ROUND_MS.most);
    this.#due = performance.now() + wait;
    this.#timer = setTimeout(this.#round, wait);
    this.#timer.unref();
  }

  readonly #round = (): void => {
    this.#timer = undefined;
    const now = performance.now();
    // While the process stood still (a suspended machine) nobody was heard, and the answers still wait to be read.
    const stoodStillMs = Math.max(now - this.#due, 0);
    const { pingMs, timeoutMs } = this.#limits();
    for (const [connection, watch] of this.#watched) {
      const signs = connection.signsOfLife();
      watch.since += stoodStillMs;
      const silentMs = now - watch.since;
      // Rounds go on while nobody is pinged: a reload may ask for pings again.
      if (signs !== watch.signs || pingMs === 0) {
        watch.signs = signs;
        watch.since = now;
        watch.probed = false;
      } else if (!watch.probed && silentMs >= pingMs) {
        // Counted from the ping: a round that came late (a busy loop) must not eat the time for the answer.
        watch.probed = true;
        watch.since = now - pingMs;
        connection.probe();
      } else if (watch.probed && silentMs >= pingMs + timeoutMs) {
        this.#watched.delete(connection);
        connection.dead(Math.round(silentMs));
      }
    }
    if (this.#watched.size > 0) this.#arm();
  };
}
