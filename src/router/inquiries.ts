import { ErrorUri } from '../wamp/errors.ts';
import { Feature } from '../wamp/features.ts';
import { nextSessionId } from '../wamp/ids.ts';
import { MessageType, type RouterMessage } from '../wamp/messages.ts';
import { CALL_DEFAULTS } from '../wamp/options.ts';
import { Payload } from '../wamp/payload.ts';
import type { Peer, Sent } from './peer.ts';
import type { Realm } from './realm.ts';
import { ROUTER, type Session } from './session.ts';

/** Questions about one procedure that are with its callee at the same time; the rest wait, first come, first served. */
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

/** The questions about one procedure: who floods one procedure does not keep others from being asked. */
interface Line {
  open: number;
  readonly waiting: Set<Inquiry>;
  isServing: boolean;
}

/**
 * The router's own caller in a realm. It asks the procedures that the realm file names, and only those registered under
 * exactly that URI: a pattern, or the weak registration of a bridge peer, must not come to decide for everybody.
 */
export class Inquiries implements Peer {
  readonly #realm: Realm;
  #session: Session | undefined;
  readonly #open = new Map<number, Inquiry>();
  /** By procedure: as many as realm files have named since the router began. */
  readonly #lines = new Map<string, Line>();
  #request = 0;

  constructor(realm: Realm) {
    this.#realm = realm;
  }

  /** Questions not answered yet. */
  get size(): number {
    let size = this.#open.size;
    for (const { waiting } of this.#lines.values()) size += waiting.size;
    return size;
  }

  /** Whose procedure it is; undefined: nobody has registered it. */
  holder(procedure: string | undefined): Session | undefined {
    if (procedure === undefined) return undefined;
    return this.#realm.dealer.registry.get(procedure, 'exact')?.callees[0]?.session;
  }

  /**
   * @param timeoutMs from when it is put to the callee
   * @param done called once, perhaps within this call; not after {@link forget}
   * @param maxWaiting where so many wait already it is not asked; absent: whoever asks has a bound of his own
   */
  ask(
    procedure: string,
    args: readonly unknown[],
    timeoutMs: number,
    done: (answer: Answer) => void,
    maxWaiting = Number.POSITIVE_INFINITY,
  ): Inquiry {
    const inquiry = new Inquiry(procedure, Payload.of(args), timeoutMs, done);
    const line = this.#line(procedure);
    if (line.open < MAX_OPEN) this.#put(inquiry, line);
    else if (line.waiting.size < maxWaiting) line.waiting.add(inquiry);
    else this.#settle(inquiry, { kind: 'silence', reason: `too many wait for ${procedure}` });
    return inquiry;
  }

  #line(procedure: string): Line {
    let line = this.#lines.get(procedure);
    if (line === undefined) {
      line = { open: 0, waiting: new Set(), isServing: false };
      this.#lines.set(procedure, line);
    }
    return line;
  }

  /** Nobody wants to know any more. Idempotent. */
  forget(inquiry: Inquiry): void {
    if (inquiry.isOver) return;
    inquiry.isOver = true;
    const { request, procedure } = inquiry;
    const line = this.#line(procedure);
    line.waiting.delete(inquiry);
    if (this.#session === undefined || !this.#open.delete(request)) return;
    line.open -= 1;
    this.#realm.receive(this.#session, { type: MessageType.CANCEL, request, mode: 'killnowait' });
    this.#serve(line);
  }

  #put(inquiry: Inquiry, line: Line): void {
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
    line.open += 1;
    const options = { ...CALL_DEFAULTS, timeout: timeoutMs };
    this.#realm.receive(this.#session, { type: MessageType.CALL, request, options, procedure, payload });
  }

  #settle(inquiry: Inquiry, answer: Answer): void {
    if (inquiry.isOver) return;
    inquiry.isOver = true;
    inquiry.done(answer);
  }

  /** A loop: where nobody has registered the procedure each of them is answered at once. */
  #serve(line: Line): void {
    if (line.isServing) return;
    line.isServing = true;
    for (const next of line.waiting) {
      if (line.open >= MAX_OPEN) break;
      line.waiting.delete(next);
      this.#put(next, line);
    }
    line.isServing = false;
  }

  // ---- the Peer ------------------------------------------------------------------------------------------------

  send(message: RouterMessage): Sent {
    if (message.type !== MessageType.RESULT && message.type !== MessageType.ERROR) return true;
    const inquiry = this.#open.get(message.request);
    if (inquiry === undefined) return true;
    this.#open.delete(message.request);
    const line = this.#line(inquiry.procedure);
    line.open -= 1;
    this.#settle(inquiry, answerOf(message, inquiry));
    this.#serve(line);
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
