import type { Cluster } from '../../src/router/cluster.ts';

/** A realm with other nodes: remembers what was said, and completes when a test says so. */
export class LateCluster implements Cluster {
  /** `announce subscribe a.b exact`, `withdraw …`, `publish a.b`, in order. */
  readonly said: string[] = [];
  #waiting: ((refused?: string) => void)[] = [];

  announce: Cluster['announce'] = (kind, uri, match, done) => {
    this.said.push(`announce ${kind} ${uri} ${match}`);
    this.#waiting.push(done);
  };

  withdraw: Cluster['withdraw'] = (kind, uri, match) => {
    this.said.push(`withdraw ${kind} ${uri} ${match}`);
  };

  publish: Cluster['publish'] = (topic, _publication, done) => {
    this.said.push(`publish ${topic}`);
    this.#waiting.push(done);
  };

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Completes everything that waits, in order. @param refused the URI to refuse it with; absent: it may be */
  complete(refused?: string): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const done of waiting) done(refused);
  }
}
