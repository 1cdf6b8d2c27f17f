import type { InvokePolicy, RegisterOptions } from '../wamp/options.ts';
import type { Match } from '../wamp/uri.ts';
import type { CallQueue } from './call-queue.ts';
import type { Session } from './session.ts';

/** One session's part in a registration, with the options of its own REGISTER. */
export class Callee {
  readonly session: Session;
  readonly registration: Registration;
  readonly discloseCaller: boolean;
  readonly forwardTimeout: boolean;
  /** How many calls it works on at a time; 0: any number (FEATURES B10). */
  readonly concurrency: number;
  /**
   * Calls it works on. With a `concurrency` also those that were given up and that it has not answered yet: it is busy
   * with them all the same (PITFALLS 57).
   */
  running = 0;

  constructor(session: Session, registration: Registration, options: RegisterOptions) {
    this.session = session;
    this.registration = registration;
    this.discloseCaller = options.discloseCaller;
    this.forwardTimeout = options.forwardTimeout;
    this.concurrency = options.concurrency;
  }

  get isFree(): boolean {
    return this.concurrency === 0 || this.running < this.concurrency;
  }
}

/** One (uri, match) that can be called; shared by its callees (spec: "Shared Registration"). */
export class Registration {
  readonly id: number;
  readonly uri: string;
  readonly match: Match;
  readonly invoke: InvokePolicy;
  /** Asked only where no ordinary registration matches, and listed nowhere (ARCHITECTURE §1.4). */
  readonly weak: boolean;
  /** Milliseconds since the epoch. */
  readonly created: number;
  /** In order of registration. */
  readonly callees: Callee[] = [];
  /** Where `roundrobin` goes on. */
  cursor = 0;
  /** Invocations taken by a callee. */
  invocations = 0;
  /** How many calls may wait while all callees are busy; the first callee has said it. */
  maxQueued = 0;
  /** Made when a call first has to wait. */
  queue: CallQueue | undefined;

  constructor(id: number, uri: string, match: Match, invoke: InvokePolicy, weak: boolean, created: number) {
    this.id = id;
    this.uri = uri;
    this.match = match;
    this.invoke = invoke;
    this.weak = weak;
    this.created = created;
  }

  /** Gives a session its part; calls that wait for a callee are served by {@link CallQueue.settle}. */
  add(session: Session, options: RegisterOptions): void {
    if (this.callees.length === 0) this.maxQueued = options.queue;
    this.callees.push(new Callee(session, this, options));
  }

  /** Takes a session's part away; the round robin goes on with whoever was next (PITFALLS 51). */
  remove(session: Session): void {
    const at = this.callees.findIndex((callee) => callee.session === session);
    if (at < 0) return;
    this.callees.splice(at, 1);
    if (at < this.cursor) this.cursor -= 1;
  }
}
