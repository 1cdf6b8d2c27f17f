import type { ServerResponse } from 'node:http';
import type { Peer, Sent } from '../../router/peer.ts';
import { LOST, type Realm } from '../../router/realm.ts';
import type { Member, Session } from '../../router/session.ts';
import { type CloseReason, CloseUri, ErrorUri, WampError } from '../../wamp/errors.ts';
import { type Call, MessageType, type Publish, type RequestError, type RouterMessage } from '../../wamp/messages.ts';
import type { Payload } from '../../wamp/payload.ts';
import { NOT_THERE, type Problem, payloadObject, problemOfClose, sendJson, sendProblem } from './answers.ts';
import { statusOf } from './status.ts';

const ANSWERED: CloseReason = { how: 'goodbye', uri: CloseUri.NORMAL, message: 'the request was answered' };

/** The only request of its session. */
export const REQUEST = 1;

/**
 * A session for one call or publication: it joins, asks, and leaves with the answer. A session of its own for each, so that
 * one request neither waits for another nor ends with it, and rules, reload, disclosure and limits hold as for anybody.
 */
export class Exchange implements Peer {
  readonly #response: ServerResponse;
  #realm: Realm | undefined;
  #session: Session | undefined;
  #isAnswered = false;

  private constructor(response: ServerResponse) {
    this.#response = response;
  }

  /** Answers in the end, whatever happens; a client that goes away before cancels its call (CANCEL, `killnowait`). */
  static run(realm: Realm, member: Member, message: Call | Publish, response: ServerResponse): void {
    const exchange = new Exchange(response);
    const session = realm.join(exchange, member);
    if (session === undefined) {
      sendProblem(response, NOT_THERE);
      return;
    }
    exchange.#realm = realm;
    exchange.#session = session;
    response.on('close', () => exchange.#gone());
    realm.receive(session, message);
  }

  send(message: RouterMessage): Sent {
    if (this.#isAnswered) return ErrorUri.CANCELED;
    switch (message.type) {
      case MessageType.RESULT:
        return this.#result(message.payload);
      case MessageType.PUBLISHED:
        this.#answer(`{"publication":${message.publication}}`);
        return true;
      case MessageType.ERROR:
        this.#fail(problemOfError(message));
        return true;
      default:
        return true;
    }
  }

  #result(payload: Payload): Sent {
    let body: Buffer;
    try {
      body = payloadObject(payload);
    } catch (error) {
      // The dealer tells the caller, which is this exchange, by an ERROR.
      if (error instanceof WampError) return error.uri;
      throw error;
    }
    this.#answer(body);
    return true;
  }

  /** The realm has forgotten the session already. */
  close(reason: CloseReason): void {
    this.#session = undefined;
    if (!this.#isAnswered) this.#fail(problemOfClose(reason));
  }

  #answer(body: Buffer | string): void {
    this.#isAnswered = true;
    sendJson(this.#response, body);
    this.#leaveSoon();
  }

  #fail(problem: Problem): void {
    this.#isAnswered = true;
    try {
      sendProblem(this.#response, problem);
    } catch (error) {
      if (!(error instanceof WampError)) throw error;
      // The callee's words cannot be said in JSON; that there was an error still can.
      const { status, uri } = problem;
      sendProblem(this.#response, { status, ...(uri === undefined ? {} : { uri }), detail: error.message });
    }
    this.#leaveSoon();
  }

  /** Not from inside a call of the realm's: it is in the middle of answering this session. */
  #leaveSoon(): void {
    queueMicrotask(() => this.#leave(ANSWERED));
  }

  #gone(): void {
    const session = this.#session;
    if (session !== undefined && !this.#isAnswered) {
      this.#isAnswered = true;
      this.#realm?.receive(session, { type: MessageType.CANCEL, request: REQUEST, mode: 'killnowait' });
    }
    this.#leave(LOST);
  }

  #leave(reason: CloseReason): void {
    const session = this.#session;
    this.#session = undefined;
    if (session !== undefined) this.#realm?.leave(session, reason);
  }
}

/** The sentence for people is the first argument by custom; all arguments follow in any case. */
export function problemOfError({ error, payload }: RequestError): Problem {
  return { status: statusOf(error), uri: error, detail: sentenceOf(payload), payload };
}

function sentenceOf(payload: Payload): string {
  try {
    const [first] = payload.value().args;
    return typeof first === 'string' ? first : '';
  } catch (error) {
    if (error instanceof WampError) return '';
    throw error;
  }
}
