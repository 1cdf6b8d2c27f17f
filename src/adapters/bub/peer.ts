import type { Peer, Sent as Taken } from '../../router/peer.ts';
import { LOST } from '../../router/realm.ts';
import { RequestTable } from '../../router/request-table.ts';
import type { Session } from '../../router/session.ts';
import type { Link } from '../../transports/link.ts';
import type { CloseReason } from '../../wamp/errors.ts';
import { type Invocation, MessageType, type RouterMessage } from '../../wamp/messages.ts';
import { type BridgeEnd, endFor } from '../endings.ts';
import type { Member } from '../member.ts';
import { BubCall } from './call.ts';
import type { Dialect } from './dialect.ts';
import type { Response } from './jsonrpc.ts';
import type { Subscriptions } from './subscriptions.ts';
import type { Awaited, Target } from './target.ts';
import type { BubWorld } from './world.ts';

/** Unanswered deliveries of one peer that are kept in mind; each keeps its payload. */
const MAX_AWAITED = 4096;

/** What a peer is from its `initialize` until its session ends. */
export interface Joined {
  /** Its clientId. */
  readonly name: string;
  readonly world: BubWorld;
  readonly member: Member;
  readonly subscriptions: Subscriptions;
}

/** The connection as its peer needs it. */
export interface Owner {
  /** The session is about to end: nothing that waits is carried out any more. */
  leaving(): void;
  end(how: BridgeEnd, message: string): void;
}

/** A Bub peer as a member of its realm, and as a target of deliveries. */
export class BubPeer implements Peer, Target {
  readonly confirms = true;
  readonly traces = true;
  readonly version: Dialect['version'];
  readonly name: string;
  sessionId = 0;
  silent = false;
  readonly #link: Link;
  readonly #owner: Owner;
  /** Requests of ours that it has not answered. */
  #awaited = new RequestTable<Awaited>();
  /** Calls it works on, by INVOCATION.Request. */
  readonly #calls = new RequestTable<BubCall>();
  #joined: Joined | undefined;

  /** @param name its clientId */
  constructor(link: Link, name: string, { version }: Dialect, owner: Owner) {
    this.#link = link;
    this.name = name;
    this.version = version;
    this.#owner = owner;
  }

  /** undefined: not yet, or not any more. */
  get joined(): Joined | undefined {
    return this.#joined;
  }

  /** Its session has begun. */
  enter(joined: Joined, session: Session): void {
    this.sessionId = session.id;
    this.#joined = joined;
    joined.world.enter(this);
  }

  // ---- what the realm says ----------------------------------------------------------------------------------------

  send(message: RouterMessage): Taken {
    const joined = this.#joined;
    // The realm may act within join().
    if (joined === undefined) return true;
    switch (message.type) {
      case MessageType.EVENT:
        return joined.world.deliveryOf(message).handTo(this);
      case MessageType.INVOCATION:
        return this.#invoked(message, joined);
      case MessageType.INTERRUPT:
        // After `kill` the dealer waits for the callee's answer (PITFALLS 55).
        this.#calls.get(message.request)?.cancel(message.details.mode === 'kill');
        return true;
      case MessageType.UNSUBSCRIBED:
        if (message.request === 0) joined.subscriptions.revoked(message.details?.subscription);
        else joined.member.answer(message.request, message);
        return true;
      case MessageType.UNREGISTERED:
        if (message.request === 0) joined.subscriptions.unregistered(message.details?.registration);
        else joined.member.answer(message.request, message);
        return true;
      case MessageType.SUBSCRIBED:
      case MessageType.REGISTERED:
      case MessageType.RESULT:
      case MessageType.ERROR:
        joined.member.answer(message.request, message);
        return true;
      default:
        return true;
    }
  }

  #invoked(message: Invocation, { world, member }: Joined): Taken {
    const { procedure } = message.details;
    const topic =
      typeof procedure === 'string' ? procedure : member.session.registrations.get(message.registration)?.uri;
    const call = new BubCall(world, member.session, message, topic ?? '', (request) => this.#calls.delete(request));
    const taken = call.start(this);
    if (taken === true) this.#calls.set(message.request, call);
    return taken;
  }

  /** The realm has forgotten the session already. */
  close(reason: CloseReason): void {
    this.leave();
    this.#owner.end(endFor(reason), reason.message);
  }

  // ---- what deliveries ask of it ----------------------------------------------------------------------------------

  get isSwamped(): boolean {
    return this.#awaited.size >= MAX_AWAITED;
  }

  post(frame: Buffer, droppable: boolean): boolean {
    return this.#link.write(frame, false, droppable);
  }

  expect(id: number, awaited: Awaited): void {
    this.#awaited.set(id, awaited);
  }

  forget(id: number): void {
    this.#awaited.delete(id);
  }

  challenge(timeoutMs: number): void {
    this.#link.challenge?.(timeoutMs);
  }

  /** It has answered a request of ours. */
  answered(response: Response): void {
    this.silent = false;
    const { id } = response;
    if (typeof id !== 'number') return;
    const awaited = this.#awaited.get(id);
    if (awaited === undefined) return;
    this.#awaited.delete(id);
    awaited.answered(this, response);
  }

  // ---- its end ----------------------------------------------------------------------------------------------------

  /** Takes it out of the world, so that nobody waits for it. Idempotent. */
  leave(): void {
    const joined = this.#joined;
    if (joined === undefined) return;
    this.#joined = undefined;
    this.#owner.leaving();
    joined.world.leave(this);
    // First the session, or what is settled here would be sent on through it.
    joined.member.realm.leave(joined.member.session, LOST);
    joined.member.end();
    const awaited = this.#awaited.values();
    this.#awaited = new RequestTable();
    for (const each of awaited) each.gone(this);
  }
}
