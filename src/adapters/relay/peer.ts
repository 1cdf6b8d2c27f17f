import type { Peer, Sent } from '../../router/peer.ts';
import { LOST } from '../../router/realm.ts';
import { RequestTable } from '../../router/request-table.ts';
import type { Link } from '../../transports/link.ts';
import { type CloseReason, ErrorUri } from '../../wamp/errors.ts';
import { type Event, type Invocation, MessageType, type RouterMessage } from '../../wamp/messages.ts';
import { isReserved } from '../../wamp/uri.ts';
import { type BridgeEnd, endFor } from '../endings.ts';
import type { Member } from '../member.ts';
import { bad, errorText, type Frame, flagField, jsonField, optionalText, RelayError, textField } from './frames.ts';
import { InboundCall } from './inbound-call.ts';
import type { Topics } from './topics.ts';
import type { RelayWorld } from './world.ts';

/** Calls that one agent has not answered yet. */
const MAX_INBOUND_CALLS = 10_000;

/** What an agent is from its `register` until its session ends. */
export interface Joined {
  readonly world: RelayWorld;
  readonly member: Member;
  readonly topics: Topics;
}

/** The connection as its peer needs it. */
export interface Owner {
  /** The session is about to end: nothing that waits is carried out any more. */
  leaving(): unknown;
  end(how: BridgeEnd, message: string): void;
}

/** A relay agent as a member of its realm. */
export class RelayPeer implements Peer {
  readonly traces = true;
  readonly name: string;
  readonly peerId: string;
  readonly #link: Link;
  readonly #owner: Owner;
  /** Calls it is to answer, by their correlation id and by INVOCATION.Request. */
  readonly #calls = new Map<string, InboundCall>();
  readonly #byRequest = new RequestTable<InboundCall>();
  readonly #over = (call: InboundCall): void => {
    this.#calls.delete(call.correlationId);
    this.#byRequest.delete(call.request);
  };
  #challengedUntil = 0;
  #joined: Joined | undefined;

  constructor(link: Link, name: string, peerId: string, owner: Owner) {
    this.#link = link;
    this.name = name;
    this.peerId = peerId;
    this.#owner = owner;
  }

  /** undefined: not yet, or not any more. */
  get joined(): Joined | undefined {
    return this.#joined;
  }

  /** Its session has begun. */
  enter(joined: Joined): void {
    this.#joined = joined;
    joined.world.enter(this);
  }

  // ---- what the realm says ----------------------------------------------------------------------------------------

  send(message: RouterMessage): Sent {
    const joined = this.#joined;
    // The realm may act within join().
    if (joined === undefined) return true;
    switch (message.type) {
      case MessageType.EVENT:
        return heard(message, joined) ? joined.world.deliveryOf(message).handTo(this, message) : true;
      case MessageType.INVOCATION:
        return this.#invoked(message, joined);
      case MessageType.INTERRUPT:
        // After `kill` the dealer waits for the callee's answer (PITFALLS 55).
        this.#byRequest.get(message.request)?.cancel(message.details.mode === 'kill');
        return true;
      case MessageType.UNSUBSCRIBED:
        if (message.request === 0) this.#lost(joined.topics.revoked(message.details?.subscription), 'messages to');
        else joined.member.answer(message.request, message);
        return true;
      case MessageType.UNREGISTERED:
        if (message.request === 0) {
          this.#lost(joined.topics.unregistered(message.details?.registration) ? this.name : undefined, 'calls to');
        } else joined.member.answer(message.request, message);
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

  #invoked(message: Invocation, { world, member }: Joined): Sent {
    if (this.#calls.size >= MAX_INBOUND_CALLS) return ErrorUri.UNAVAILABLE;
    const call = new InboundCall(world, member.session, message, this, this.#over);
    const taken = call.start();
    if (taken !== true) return taken;
    this.#calls.set(call.correlationId, call);
    this.#byRequest.set(message.request, call);
    return true;
  }

  /** A change of the rules took something away: an agent that is not told would wait for it (CONTRACT §4, "Reload"). */
  #lost(topic: string | undefined, what: string): void {
    if (topic === undefined) return;
    const error = new RelayError('not_authorized', `the realm no longer allows ${what} ${topic}`);
    this.post(Buffer.from(errorText(error, { type: '', fields: { topic }, text: '' })), false);
  }

  /** The realm has forgotten the session already. */
  close(reason: CloseReason): void {
    this.leave();
    this.#owner.end(endFor(reason), reason.message);
  }

  // ---- the connection ---------------------------------------------------------------------------------------------

  /** @returns whether the connection took it */
  post(frame: Buffer, droppable: boolean): boolean {
    return this.#link.write(frame, false, droppable);
  }

  /** Asks for a sign of life; once at a time, however often its name is asked for. */
  challenge(nowMs: number, timeoutMs: number): void {
    if (nowMs < this.#challengedUntil) return;
    this.#challengedUntil = nowMs + timeoutMs;
    this.#link.challenge?.(timeoutMs);
  }

  /** `call_response`. @throws RelayError where it is none, or answers nothing that this agent was asked */
  responded(frame: Frame): void {
    const call = this.#calls.get(textField(frame, 'correlation_id'));
    if (call === undefined) {
      throw bad('correlation_id: no call waits for this answer: it was given up, answered before, or never put to you');
    }
    const success = flagField(frame, 'success');
    const error = optionalText(frame, 'error') ?? '';
    const payload = jsonField(frame, 'payload');
    if (success) call.succeed(payload);
    else call.fail(error, payload);
  }

  // ---- its end ----------------------------------------------------------------------------------------------------

  /** Takes it out of the world, so that its name is free and nobody waits for it. Idempotent. */
  leave(): void {
    const joined = this.#joined;
    if (joined === undefined) return;
    this.#joined = undefined;
    this.#owner.leaving();
    joined.world.leave(this);
    // First the session: the dealer answers whoever called this agent.
    joined.member.realm.leave(joined.member.session, LOST);
    joined.member.end();
    for (const call of [...this.#calls.values()]) call.gone();
  }
}

/** A bare `*` does not reach the router's own topics (BRIDGES §2). */
function heard(event: Event, { topics }: Joined): boolean {
  return !(isReserved(event.topic) && topics.isEverything(event.subscription));
}
