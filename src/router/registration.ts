import type { InvokePolicy } from '../wamp/options.ts';
import type { Match } from '../wamp/uri.ts';
import type { Session } from './session.ts';

/** One session's part in a registration, with the options of its own REGISTER. */
export interface Callee {
  readonly session: Session;
  readonly discloseCaller: boolean;
  readonly forwardTimeout: boolean;
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

  constructor(id: number, uri: string, match: Match, invoke: InvokePolicy, weak: boolean, created: number) {
    this.id = id;
    this.uri = uri;
    this.match = match;
    this.invoke = invoke;
    this.weak = weak;
    this.created = created;
  }

  /** Takes a session's part away; the round robin goes on with whoever was next (PITFALLS 51). */
  remove(session: Session): void {
    const at = this.callees.findIndex((callee) => callee.session === session);
    if (at < 0) return;
    this.callees.splice(at, 1);
    if (at < this.cursor) this.cursor -= 1;
  }
}
