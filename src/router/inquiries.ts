import { ErrorUri } from '../wamp/errors.ts';
import { Feature } from '../wamp/features.ts';
import { nextSessionId } from '../wamp/ids.ts';
import { MessageType, type RouterMessage } from '../wamp/messages.ts';
import { CALL_DEFAULTS } from '../wamp/options.ts';
import { Payload } from '../wamp/payload.ts';
import type { Peer, Sent } from './peer.ts';
import type { Realm } from './realm.ts';
import { ROUTER, type Session } from './session.ts';

/** Questions that are with callees at the same time; the rest wait, first come, first served. */
const MAX_OPEN = 1000;

/** What became of a question. */
export type Answer =
  | { readonly kind: 'result'; readonly payload: Payload }
  /** The callee said so. */
  | { readonly kind: 'error'; readonly uri: string }
  /** Nobody is there, or nobody answered in time. */
  | { readonly kind: 'silence'; readonly reason: string };

/** A question of the router's; asked once, answered once. */
export class Inquiry {
  readonly procedure: string;
  readonly payload: Payload;
  readonly timeoutMs: number;
  readonly done: (answer: Answer) => void;
  /** CALL.Request; 0: it is not with anybody. */
  request = 0;
  isOver = false;

  constructor(procedure: string, payload: Payload, timeoutMs: number, done: (answer: Answer) => void) {
    this.procedure = procedure;
    this.payload = payload;
    this.timeoutMs = timeoutMs;
    this.done = done;
  }
}

/**
 * The router's own caller in a realm. It asks the procedures that the realm file names, and only those registered under
 * exactly that URI: a pattern, or the weak registration of a bridge peer, must not come to decide for everybody.
 */
export class Inquiries implements Peer {
  readonly #realm: Realm;
  #session: Session | undefined;
  readonly #open = new Map<number, Inquiry>();
  readonly #waiting: Inquiry[] = [];
  #request = 0;
  #isServing = false;

  constructor(realm: Realm) {
    this.#realm = realm;
  }

  /** Questions not answered yet. */
  get size(): number {
    return this.#open.size + this.#waiting.length;
  }

  /** Whose procedure it is; undefined: nobody has registered it. */
  holder(procedure: string | undefined): Session | undefined {
    if (procedure === undefined) return undefined;
    return this.#realm.dealer.registry.get(procedure, 'exact')?.callees[0]?.session;
  }

  /**
   * @param timeoutMs from when it is put to the callee
   * @param done called once, perhaps within this call; not after {@link forget}
   */
  ask(procedure: string, args: readonly unknown[], timeoutMs: number, done: (answer: Answer) => void): Inquiry {
    const inquiry = new Inquiry(procedure, Payload.of(args), timeoutMs, done);
    if (this.#open.size >= MAX_OPEN) this.#waiting.push(inquiry);
    else this.#put(inquiry);
    return inquiry;
  }

  /** Nobody wants to know any more. Idempotent. */
  forget(inquiry: Inquiry): void {
    if (inquiry.isOver) return;
    inquiry.isOver = true;
    const { request } = inquiry;
    if (this.#session === undefined || !this.#open.delete(request)) return;
    this.#realm.receive(this.#session, { type: MessageType.CANCEL, request, mode: 'killnowait' });
    this.#serve();
  }

  #put(inquiry: Inquiry): void {
    const { procedure, payload, timeoutMs } = inquiry;
    this.#session ??= this.#realm.join(this, { identity: ROUTER, features: Feature.CALLER, internal: true });
    if (this.#session === undefined || this.holder(procedure) === undefined) {
      this.#settle(inquiry, { kind: 'silence', reason: `nobody has registered ${procedure}` });
      return;
    }
    const request = nextSessionId(this.#request);
    this.#request = request;
    inquiry.request = request;
    this.#open.set(request, inquiry);
    const options = { ...CALL_DEFAULTS, timeout: timeoutMs };
    this.#realm.receive(this.#session, { type: MessageType.CALL, request, options, procedure, payload });
  }

  #settle(inquiry: Inquiry, answer: Answer): void {
    if (inquiry.isOver) return;
    inquiry.isOver = true;
    inquiry.done(answer);
  }

  /** A loop: where nobody has registered the procedure each of them is answered at once. */
  #serve(): void {
    if (this.#isServing) return;
    this.#isServing = true;
    while (this.#open.size < MAX_OPEN) {
      const next = this.#waiting.shift();
      if (next === undefined) break;
      if (!next.isOver) this.#put(next);
    }
    this.#isServing = false;
  }

  // ---- the Peer ------------------------------------------------------------------------------------------------

  send(message: RouterMessage): Sent {
    if (message.type !== MessageType.RESULT && message.type !== MessageType.ERROR) return true;
    const inquiry = this.#open.get(message.request);
    if (inquiry === undefined) return true;
    this.#open.delete(message.request);
    this.#settle(inquiry, answerOf(message, inquiry));
    this.#serve();
    return true;
  }

  close(): void {}
}

function answerOf(message: RouterMessage, { procedure, timeoutMs }: Inquiry): Answer {
  if (message.type === MessageType.RESULT) return { kind: 'result', payload: message.payload };
  const uri = message.type === MessageType.ERROR ? message.error : '';
  // Said by the router: the callee's own errors may have any URI, and no answer it is either way.
  if (uri === ErrorUri.TIMEOUT) return { kind: 'silence', reason: `${procedure} did not answer in ${timeoutMs} ms` };
  if (uri === ErrorUri.CANCELED) return { kind: 'silence', reason: `the callee of ${procedure} has gone` };
  return { kind: 'error', uri };
}
