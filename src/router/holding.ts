import type { CloseReason } from '../wamp/errors.ts';
import { CloseUri, ErrorUri } from '../wamp/errors.ts';
import { type Cancel, MessageType, type RoutedMessage, requestError } from '../wamp/messages.ts';
import type { RealmContext } from './context.ts';
import type { Session } from './session.ts';

/** What of one session may wait before nothing more is read of it, … */
const PAUSE_AT = 256;
const PAUSE_AT_BYTES = 262_144;
/** … and what may have been read already, or come from a peer that cannot be paused. */
const MAX_WAITING = 10_000;
const MAX_WAITING_BYTES = 16_777_216;
/** So many messages of the longest there may be find room in any case. */
const MESSAGES = 4;
/** So many of what waits begin ahead of time. */
const AHEAD = 32;
/** Over all sessions of a realm. */
const MAX_REALM_BYTES = 67_108_864;
/** Of whom no more is held need not go for what others have the realm hold. */
const SMALL_BYTES = 4096;
/** What a message takes beside its payload, about. */
const OVERHEAD = 128;

const OVERRUN: CloseReason = {
  how: 'tryLater',
  uri: CloseUri.KILLED,
  message: 'more requests wait for an earlier one than the router keeps',
};

/** Something that waits for its turn. */
export interface Waiting {
  /** The request that came; undefined: a bridge asks on behalf of its peer. */
  readonly message: RoutedMessage | undefined;
  /** Memory it takes, about. */
  readonly bytes: number;
  /** Carries it out; it may be held in turn. */
  run(): void;
  /** Its session has ended before. */
  abandoned?(): void;
  /** Begins what it will have to wait for, so that a burst of requests does not wait for one answer after the other. */
  foresee?(): Foreseen | undefined;
  /** What {@link foresee} began and nobody has taken. */
  foreseen?: Foreseen | undefined;
}

interface Dropped {
  readonly message: RoutedMessage | undefined;
  readonly abandoned?: (() => void) | undefined;
  readonly foreseen?: Foreseen | undefined;
}

/** Something begun ahead of time. */
export interface Foreseen {
  /** Nobody needs it. Idempotent. */
  forget(): void;
}

/** A request that waits for something outside of the core; see {@link Holding.hold}. */
export interface Hold {
  /** False when nobody waits for the request any more: it was canceled, or its session has ended. */
  readonly isOpen: boolean;
  /**
   * What it waited for is there: `goOn` carries the request out, or holds it once more, and what waited behind it follows.
   * @returns false: nobody waits for it any more, and nothing was done
   */
  release(goOn: () => void): boolean;
}

/** What stands on a session of which something is held. */
export class HeldRequests {
  /** The one that waits for something outside; undefined only while it is being carried out. */
  present: OpenHold | undefined;
  readonly waiting: Waiting[] = [];
  /** CANCELed while they waited. */
  readonly canceled = new Set<Waiting>();
  /** Memory that all of them take, about. */
  bytes = 0;
  isDraining = false;
  isPaused = false;
  /** The one that is just being carried out. */
  current: Waiting | undefined;

  /** What was begun for the one that is just being carried out, once. */
  takeForeseen(): Foreseen | undefined {
    const foreseen = this.current?.foreseen;
    if (this.current !== undefined) this.current.foreseen = undefined;
    return foreseen;
  }
}

class OpenHold implements Hold {
  isOpen = true;
  readonly session: Session;
  readonly message: RoutedMessage | undefined;
  /** Memory it takes, about. */
  readonly bytes: number;
  readonly abandoned: (() => void) | undefined;
  readonly #holding: Holding;

  constructor(
    holding: Holding,
    session: Session,
    message: RoutedMessage | undefined,
    abandoned: (() => void) | undefined,
  ) {
    this.#holding = holding;
    this.session = session;
    this.message = message;
    this.bytes = message === undefined ? 0 : kept(message);
    this.abandoned = abandoned;
  }

  release(goOn: () => void): boolean {
    if (!this.isOpen) return false;
    this.#holding.release(this, goOn);
    return true;
  }
}

/** How the realm carries out what waited. */
export interface Carrier {
  /** As if the message came now; the observer has heard of it. */
  carryOut(session: Session, message: RoutedMessage): void;
  /** Begins what `message` will have to wait for; undefined: nothing, as far as one can tell now. */
  foresee(session: Session, message: RoutedMessage): Foreseen | undefined;
  /** It was CANCELed while it waited and is answered: it only takes its id. */
  pass(session: Session, message: RoutedMessage): void;
}

/**
 * Keeps the requests of a session in order while one of them waits for something outside of the core: the answer of an
 * authorizer, room in the activity log (ARCHITECTURE §1.5, PITFALLS 64). Only that session waits, and only with its requests: its
 * YIELD, ERROR, CANCEL and GOODBYE pass, so whoever it waits for may call it, hear it, or be called by it.
 *
 * What waits is bounded: beyond a first bound the peer is not read any more, where its transport can do that; beyond a
 * second one the session ends, and what waited is counted as dropped.
 */
export class Holding {
  readonly #context: RealmContext;
  readonly #carrier: Carrier;
  #bytes = 0;

  constructor(context: RealmContext, carrier: Carrier) {
    this.#context = context;
    this.#carrier = carrier;
  }

  /** Bytes that wait in the whole realm, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Holds the request that is just being carried out. From here on all requests of the session wait behind it.
   * @param message the request; undefined: it is not a message
   * @param abandoned called where the session ends first, or cancels the call; absent: nobody needs to know
   */
  hold(session: Session, message: RoutedMessage | undefined, abandoned?: () => void): Hold {
    session.held ??= new HeldRequests();
    const { held } = session;
    const hold = new OpenHold(this, session, message, abandoned);
    held.present = hold;
    this.#count(held, hold.bytes);
    if (this.#isTooMuch(held)) this.#context.end(session, OVERRUN);
    return hold;
  }

  #count(held: HeldRequests, bytes: number): void {
    held.bytes += bytes;
    this.#bytes += bytes;
  }

  #isTooMuch(held: HeldRequests): boolean {
    return this.#bytes > MAX_REALM_BYTES && held.bytes > SMALL_BYTES;
  }

  release(hold: OpenHold, goOn: () => void): void {
    const { session } = hold;
    const { held } = session;
    hold.isOpen = false;
    if (held?.present !== hold) return;
    held.present = undefined;
    this.#count(held, -hold.bytes);
    goOn();
    this.#drain(session, held);
  }

  /** @returns false: the message need not wait */
  keeps(session: Session, held: HeldRequests, message: RoutedMessage): boolean {
    switch (message.type) {
      case MessageType.YIELD:
      case MessageType.ERROR:
        return false;
      case MessageType.CANCEL:
        return this.#cancel(session, held, message);
      default: {
        this.wait(session, held, {
          message,
          bytes: kept(message),
          run: () => this.#carrier.carryOut(session, message),
          foresee: () => this.#carrier.foresee(session, message),
        });
        return true;
      }
    }
  }

  /** Puts it last; beyond the bound the session ends. */
  wait(session: Session, held: HeldRequests, waiting: Waiting): void {
    const { bytes } = waiting;
    const maxBytes = Math.max(MAX_WAITING_BYTES, MESSAGES * this.#context.limits.maxMessageBytes);
    const isFull = held.waiting.length >= MAX_WAITING || held.bytes + bytes > maxBytes;
    held.waiting.push(waiting);
    this.#count(held, bytes);
    if (isFull || this.#isTooMuch(held)) this.#context.end(session, OVERRUN);
    else if (!held.isPaused && isCrowded(held, 1)) {
      held.isPaused = true;
      session.peer.pause?.();
    }
    if (held.waiting.length <= AHEAD) foresee(held, waiting);
  }

  /** Forgets what waits: the session is over. What it asked and is not carried out is counted as dropped. */
  leave(session: Session): void {
    const { held } = session;
    if (held === undefined) return;
    session.held = undefined;
    const { present } = held;
    const waiting = held.waiting.splice(0);
    // A transport outlives its session (PITFALLS 6).
    if (held.isPaused) session.peer.resume?.();
    this.#count(held, -held.bytes);
    if (present !== undefined) {
      present.isOpen = false;
      this.#drop(session, present);
    }
    for (const each of waiting) if (!held.canceled.has(each)) this.#drop(session, each);
  }

  #drop(session: Session, dropped: Dropped): void {
    const { message } = dropped;
    if (message !== undefined) this.#context.observer.dropped(session, message, 'sender_gone');
    dropped.foreseen?.forget();
    dropped.abandoned?.();
  }

  /** A call that has not begun is canceled by not beginning it, whatever the mode (spec: "Call Canceling"). */
  #cancel(session: Session, held: HeldRequests, { request }: Cancel): boolean {
    // It has begun: what waits under its id are further parts.
    if (session.calls.has(request)) return false;
    const { present } = held;
    if (isCall(present, request)) {
      present.isOpen = false;
      held.present = undefined;
      this.#count(held, -present.bytes);
      present.abandoned?.();
      this.#cancelWaiting(held, request);
      this.#answerCanceled(session, request);
      this.#drain(session, held);
      return true;
    }
    if (!this.#cancelWaiting(held, request)) return false;
    this.#answerCanceled(session, request);
    return true;
  }

  /** With all its parts, which a second CANCEL would find otherwise. @returns whether there is any */
  #cancelWaiting(held: HeldRequests, request: number): boolean {
    const found = held.waiting.filter((each) => isCall(each, request) && !held.canceled.has(each));
    for (const each of found) {
      held.canceled.add(each);
      each.foreseen?.forget();
    }
    return found.length > 0;
  }

  #answerCanceled(session: Session, request: number): void {
    const text = 'the call was canceled before it began';
    this.#context.send(session, requestError(MessageType.CALL, request, ErrorUri.CANCELED, text));
  }

  /** A loop, not a chain of calls: requests that need not wait would nest as deep as there are many. */
  #drain(session: Session, held: HeldRequests): void {
    if (held.isDraining) return;
    held.isDraining = true;
    try {
      while (held.present === undefined) {
        const next = held.waiting.shift();
        if (next === undefined) break;
        this.#count(held, -next.bytes);
        this.#carryOut(session, held, next);
        foresee(held, held.waiting[AHEAD - 1]);
      }
    } finally {
      held.isDraining = false;
    }
    if (session.held !== held) return;
    if (held.present === undefined) session.held = undefined;
    if (held.isPaused && !isCrowded(held, 0.5)) {
      held.isPaused = false;
      session.peer.resume?.();
    }
  }

  #carryOut(session: Session, held: HeldRequests, next: Waiting): void {
    if (next.message !== undefined && held.canceled.delete(next)) {
      this.#carrier.pass(session, next.message);
      return;
    }
    held.current = next;
    next.run();
    held.current = undefined;
    next.foreseen?.forget();
  }
}

/** Whoever is asked may act within: what waited may be carried out, canceled or dropped when it returns. */
function foresee(held: HeldRequests, waiting: Waiting | undefined): void {
  if (waiting === undefined || waiting.foreseen !== undefined) return;
  const foreseen = waiting.foresee?.();
  if (held.waiting.includes(waiting) && !held.canceled.has(waiting)) waiting.foreseen = foreseen;
  else foreseen?.forget();
}

function isCrowded({ waiting, bytes }: HeldRequests, part: number): boolean {
  return waiting.length >= part * PAUSE_AT || bytes >= part * PAUSE_AT_BYTES;
}

/** Memory that a message takes from here on, about; what was parsed of its payload would take a multiple. */
function kept(message: RoutedMessage): number {
  if (!('payload' in message)) return OVERHEAD;
  message.payload.slim();
  return OVERHEAD + message.payload.heldBytes;
}

function isCall<T extends Pick<Waiting, 'message'>>(waiting: T | undefined, request: number): waiting is T {
  const message = waiting?.message;
  return message?.type === MessageType.CALL && message.request === request;
}
