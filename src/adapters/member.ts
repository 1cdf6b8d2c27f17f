import type { Allowed } from '../router/authorization.ts';
import type { Action, Decision } from '../router/authorizer.ts';
import type { Realm } from '../router/realm.ts';
import { RequestTable } from '../router/request-table.ts';
import type { Session } from '../router/session.ts';
import { ErrorUri } from '../wamp/errors.ts';
import { nextSessionId } from '../wamp/ids.ts';
import { type Call, MessageType, type RoutedMessage, type RouterMessage, requestError } from '../wamp/messages.ts';
import type { Match } from '../wamp/uri.ts';

/** Who waits for the answer to a request. */
interface Asked {
  readonly request: number;
  readonly then: (answer: RouterMessage) => void;
}

/** A peer's session, and whom the realm's answers to its requests are for. */
export class Member {
  readonly realm: Realm;
  readonly session: Session;
  #lastRequest = 0;
  readonly #answers = new RequestTable<Asked>();

  constructor(realm: Realm, session: Session) {
    this.realm = realm;
    this.session = session;
  }

  /**
   * Sends a request under the next id of the session.
   * @param then called once with the answer, perhaps within this call; where the session is over never, where it ends
   *   before with `wamp.error.canceled`
   */
  ask(make: (request: number) => RoutedMessage, then: (answer: RouterMessage) => void): number {
    return this.#send(make, then, (message) => this.realm.receive(this.session, message));
  }

  /** {@link ask} for a call that was allowed already: it is not held back. */
  call(make: (request: number) => Call, allowed: Allowed, then: (answer: RouterMessage) => void): number {
    return this.#send(make, then, (message) => this.realm.call(this.session, message, allowed));
  }

  #send<M>(make: (request: number) => M, then: (answer: RouterMessage) => void, send: (message: M) => void): number {
    // Not the session's own count: requests may wait, and what is taken meanwhile must not get their ids.
    const request = nextSessionId(this.#lastRequest);
    this.#lastRequest = request;
    if (this.session.ended) return request;
    this.#answers.set(request, { request, then });
    send(make(request));
    return request;
  }

  answer(request: number, message: RouterMessage): void {
    const asked = this.#answers.get(request);
    if (asked === undefined) return;
    this.#answers.delete(request);
    asked.then(message);
  }

  /** The session is over. */
  end(): void {
    for (const { request, then } of this.#answers.values()) {
      this.#answers.delete(request);
      then(requestError(MessageType.CALL, request, ErrorUri.CANCELED, 'the session is over'));
    }
  }

  /** What the rules say, without a word to the log. */
  decide(action: Action, uri: string, match: Match): Decision {
    return this.realm.authorizer.authorize(this.session.identity, action, uri, match);
  }
}
