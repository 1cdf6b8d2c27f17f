import type { Match } from '../wamp/uri.ts';

/** What is announced; weak registrations apart, for on every node an ordinary one goes before them. */
export type Announced = 'subscription' | 'registration' | 'weakRegistration';

/** What a realm shares with its other nodes. Announcements complete before the client is told (ARCHITECTURE §1.4). */
export interface Cluster {
  /**
   * A subscription or registration is about to exist here.
   * @param done called once: undefined when it may exist, else the error URI to refuse it with. May be called at once.
   */
  announce(kind: Announced, uri: string, match: Match, done: (refused?: string) => void): void;
  /** The last holder here is gone. */
  withdraw(kind: Announced, uri: string, match: Match): void;
  /** A publication was accepted here; `done` as above, before PUBLISHED. */
  publish(topic: string, publication: number, done: (refused?: string) => void): void;
}

/** A realm on one node: everything completes at once, nothing is deferred. */
export const ALONE: Cluster = {
  announce(_kind, _uri, _match, done) {
    done();
  },
  withdraw() {},
  publish(_topic, _publication, done) {
    done();
  },
};
