import type { Allowed } from '../../router/authorization.ts';
import type { Plan, Recipient } from '../../router/plan.ts';
import type { Session } from '../../router/session.ts';
import { ErrorUri, WampError } from '../../wamp/errors.ts';
import { isDict } from '../../wamp/features.ts';
import { MessageType, type Receipt, type RouterMessage } from '../../wamp/messages.ts';
import { CALL_DEFAULTS, PUBLISH_DEFAULTS, type PublishOptions } from '../../wamp/options.ts';
import type { Dict, Payload } from '../../wamp/payload.ts';
import { members } from '../json-spans.ts';
import type { Member } from '../member.ts';
import { beginTrace, type Trace } from '../trace.ts';
import { Delivery } from './delivery.ts';
import { invalidParams, type Request, RpcError, shownId } from './jsonrpc.ts';
import { toPayload } from './mapping.ts';
import type { Outgoing } from './outgoing.ts';
import type { ReceiptDetail, Version } from './target.ts';
import type { BubWorld } from './world.ts';

/** What a sendMessage needs of the connection it came by. */
export interface SendingPeer {
  readonly world: BubWorld;
  readonly member: Member;
  readonly version: Version;
  readonly name: string;
  /** It may not be sent; called instead of {@link SendingPeer.sent}. */
  refused(request: Request, error: RpcError): void;
  /** Called once, when everybody has answered or was given up. */
  sent(request: Request, outcome: Sent): void;
  /** Nothing further is routed for this peer until {@link SendingPeer.unhold}: somebody is asked, or the activity log is full. */
  hold(): void;
  unhold(): void;
}

export type Sent =
  | { readonly kind: 'accepted'; readonly messageId: string; readonly deliveredTo: number; readonly stopped: boolean }
  | { readonly kind: 'refused'; readonly error: RpcError };

/** Of a topic that was refused, for the activity log. */
const MAX_SHOWN_TOPIC = 1024;

/** A sender whose own pattern matches gets its own message: real clients rely on it (BRIDGES §1). */
const OPTIONS: PublishOptions = Object.freeze({ ...PUBLISH_DEFAULTS, excludeMe: false });

interface Route {
  readonly plan: Plan;
  /** v1 peers asked one after the other before anybody else; each may stop the message. Only a v1 sender has them. */
  readonly interceptors: readonly Recipient[];
  readonly rest: readonly Recipient[];
  /** Rows of the activity log that its targets need. */
  readonly rows: number;
}

/** One message of a Bub peer, from its acceptance until every target has answered, erred, gone or timed out. */
export class Sending {
  readonly #peer: SendingPeer;
  readonly #outgoing: Outgoing;
  readonly #request: Request;
  readonly #rpcId: string;
  readonly #payload: Payload;
  readonly #seen = new Set<Session>();
  #delivery: Delivery | undefined;
  #messageId: string;
  #trace: Trace | undefined;
  /** Handed out and not answered. */
  #open = 0;
  #deliveredTo = 0;
  #route: Route | undefined;
  /** The callee's part: undefined: there is none for this peer. */
  #mayCall: Allowed | undefined;
  /** Index of the interceptor that is asked; undefined: none is. */
  #asking: number | undefined;
  #stopped = false;
  /** Everybody has been handed it. */
  #sealed = false;
  #isHanding = false;
  /** Rows reserved for targets and not recorded yet. */
  #reserved = 0;

  constructor(peer: SendingPeer, outgoing: Outgoing, request: Request) {
    this.#peer = peer;
    this.#outgoing = outgoing;
    this.#request = request;
    this.#rpcId = shownId(request.id);
    this.#payload = toPayload(outgoing.text, outgoing.payload);
    this.#messageId = outgoing.messageId;
  }

  /** Routes it, or waits until somebody who is asked has allowed it and its rows fit into the activity log. */
  begin(): void {
    this.#plan((route) => {
      if (route instanceof RpcError) this.#peer.refused(this.#request, route);
      else this.#reserve(route);
    });
  }

  #reserve(route: Route): void {
    const { activity } = this.#peer.world;
    if (activity.reserve(2 + route.rows, () => this.#resume(route.rows))) this.#start(route, route.rows);
    else this.#peer.hold();
  }

  #resume(rows: number): void {
    const { world } = this.#peer;
    // Others may have come and gone meanwhile.
    this.#plan((route) => {
      if (route instanceof RpcError) {
        world.activity.release(rows);
        reject(this.#peer, this.#request, route.message);
        this.#peer.sent(this.#request, { kind: 'refused', error: route });
      } else {
        this.#start(route, rows);
      }
      this.#peer.unhold();
    });
  }

  /** @param done told the route, or the error where it may not be published; later where somebody has to be asked */
  #plan(done: (route: Route | RpcError) => void): void {
    const { member } = this.#peer;
    const { topic } = this.#outgoing;
    const publish = { type: MessageType.PUBLISH, request: 0, options: OPTIONS, topic, payload: this.#payload } as const;
    let isDone = false;
    let isHeld = false;
    const finish = (route: Route | RpcError): void => {
      isDone = true;
      done(route);
      if (isHeld) this.#peer.unhold();
    };
    member.realm.plan(member.session, publish, (plan) => {
      if (plan instanceof WampError) finish(invalidParams(`Invalid params: topic: ${plan.message}`));
      else this.#askCallee(() => finish(this.#sort(plan)));
    });
    if (isDone) return;
    isHeld = true;
    this.#peer.hold();
  }

  #sort(plan: Plan): Route {
    const { world, version } = this.#peer;
    const { recipients } = plan;
    let rows = this.#callee() === undefined ? 0 : 2;
    for (const { session } of recipients) if (session.bridged) rows += 2;
    if (version === 2) return { plan, interceptors: [], rest: recipients, rows };
    const intercepts = ({ session }: Recipient) => world.versionOf(session.id) === 1;
    return {
      plan,
      interceptors: recipients.filter(intercepts),
      rest: recipients.filter((recipient) => !intercepts(recipient)),
      rows,
    };
  }

  #start(route: Route, rows: number): void {
    const { world, version, name } = this.#peer;
    const { plan } = route;
    this.#route = route;
    this.#reserved = rows;
    if (this.#messageId === '') this.#messageId = `bub-${plan.publication.id}`;
    const { topic, text } = this.#outgoing;
    world.record('send_start', this.#about, this.#rpcId, name, 'start', { payloadJson: text });
    const source = { kind: 'bub', version, name, messageId: this.#messageId, text, receipts: plan } as const;
    this.#delivery = new Delivery(world, plan.publication.id, topic, this.#payload, source);
    this.#trace = beginTrace(this.#payload, this.#messageId);
    plan.onReceipt((receipt) => this.#settled(receipt));
    if (route.interceptors.length > 0) this.#askFrom(0);
    else this.#handToRest();
  }

  get #about() {
    return { messageId: this.#messageId, topic: this.#outgoing.topic };
  }

  // ---- v1: one after the other -----------------------------------------------------------------------------------

  #askFrom(first: number): void {
    const { plan, interceptors } = this.#route ?? { interceptors: [] };
    for (let at = first; at < interceptors.length && !this.#stopped; at++) {
      const recipient = interceptors[at];
      if (recipient === undefined || plan === undefined || this.#seen.has(recipient.session)) continue;
      this.#asking = at;
      if (this.#hand(plan, recipient) && this.#open > 0) return;
    }
    this.#asking = undefined;
    if (this.#stopped) this.#finish();
    else this.#handToRest();
  }

  // ---- everybody at once ------------------------------------------------------------------------------------------

  #handToRest(): void {
    const route = this.#route;
    if (route === undefined) return;
    for (const recipient of route.rest) {
      if (!recipient.confirms) route.plan.deliver(recipient);
      else if (!this.#seen.has(recipient.session)) this.#hand(route.plan, recipient);
    }
    this.#call();
    this.#sealed = true;
    if (this.#open === 0) this.#finish();
  }

  #hand(plan: Plan, recipient: Recipient): boolean {
    this.#seen.add(recipient.session);
    this.#peer.world.current = this.#delivery;
    // Before it is handed over: who is not awaited settles at once.
    this.#open += 1;
    this.#isHanding = true;
    const taken = plan.deliver(recipient);
    this.#isHanding = false;
    if (taken) this.#deliveredTo += 1;
    else this.#open -= 1;
    return taken;
  }

  #settled({ detail }: Receipt): void {
    this.#open -= 1;
    const asking = this.#asking;
    if (asking === undefined) {
      if (this.#sealed && this.#open === 0) this.#finish();
      return;
    }
    const { result } = detail as ReceiptDetail;
    this.#stopped = result?.stopPropagation === true || result?.stop_propagation === true;
    // Settled within the handing over: the loop that hands over goes on by itself.
    if (this.#isHanding) return;
    this.#askFrom(asking + 1);
  }

  // ---- the callee -------------------------------------------------------------------------------------------------

  /** Whether there is an ordinary registration, and this peer may call it: that callee works on the message, too. */
  #callee(): Allowed | undefined {
    const registration = this.#peer.member.realm.dealer.registry.best(this.#outgoing.topic);
    return registration === undefined || registration.weak ? undefined : this.#mayCall;
  }

  #askCallee(done: () => void): void {
    const { realm, session } = this.#peer.member;
    const { topic } = this.#outgoing;
    // Asked of the rules beforehand: a role that may only publish is no refusal worth a log line.
    const decision = this.#peer.member.decide('call', topic, 'exact');
    this.#mayCall = decision.kind === 'allow' ? decision : undefined;
    if (decision.kind !== 'ask' || realm.dealer.registry.best(topic)?.weak !== false) {
      done();
      return;
    }
    realm.ask(session, 'call', topic, 'exact', (verdict) => {
      this.#mayCall = verdict instanceof WampError ? undefined : verdict;
      done();
    });
  }

  #call(): void {
    const allowed = this.#callee();
    if (allowed === undefined) return;
    const { member, world } = this.#peer;
    const { topic } = this.#outgoing;
    const options = { ...CALL_DEFAULTS, timeout: world.rules.processTimeoutMs };
    let actor: string | undefined;
    let early: RouterMessage | undefined;
    this.#open += 1;
    const request = member.call(
      (id) => ({ type: MessageType.CALL, request: id, options, procedure: topic, payload: this.#payload }),
      allowed,
      (answer) => {
        this.#open -= 1;
        if (actor === undefined) early = answer;
        else this.#called(actor, answer);
      },
    );
    const pending = member.session.calls.get(request);
    // Refused at once, or this session is over: it was handed to nobody.
    if (pending === undefined && early === undefined) this.#open -= 1;
    if (pending === undefined && early?.type !== MessageType.RESULT) return;
    this.#reserved -= 2;
    // A call that waits until a callee is free has none yet; it is on its way all the same.
    actor = pending?.callee?.identity.authid ?? topic;
    this.#deliveredTo += 1;
    world.record('process_start', this.#about, '', actor, 'start');
    if (early !== undefined) this.#called(actor, early);
  }

  #called(actor: string, answer: RouterMessage): void {
    const { world } = this.#peer;
    if (answer.type === MessageType.RESULT) {
      world.record('process_finish', this.#about, '', actor, statusOf(answer.payload));
    } else {
      const error = answer.type === MessageType.ERROR ? answer.error : '';
      const status = error === ErrorUri.TIMEOUT ? 'timeout' : 'error';
      world.record('process_finish', this.#about, '', actor, status, { error });
    }
    if (this.#sealed && this.#open === 0) this.#finish();
  }

  #finish(): void {
    const { world, name } = this.#peer;
    world.record('send_finish', this.#about, this.#rpcId, name, 'ok');
    // Several patterns of one peer were counted each, and some peers may have left.
    const spare = this.#reserved - (this.#delivery?.recorded ?? 0) - (this.#trace?.recorded ?? 0);
    if (spare > 0) world.activity.release(spare);
    this.#peer.sent(this.#request, {
      kind: 'accepted',
      messageId: this.#messageId,
      deliveredTo: this.#deliveredTo,
      stopped: this.#stopped,
    });
  }
}

/** The trace of a message that is not routed. */
export function reject(peer: Pick<SendingPeer, 'world' | 'name'>, request: Request, reason: string): void {
  const { topic, payload } = request.params;
  const messageId = isDict(payload) && typeof payload.messageId === 'string' ? payload.messageId : '';
  const about = { messageId, topic: typeof topic === 'string' ? topic.slice(0, MAX_SHOWN_TOPIC) : '' };
  const span = request.paramsAt && members(request.text, request.paramsAt.start, ['payload']).spans[0];
  const payloadJson = span && request.text.slice(span.start, span.end);
  const rpcId = shownId(request.id);
  peer.world.record('send_start', about, rpcId, peer.name, 'start', { payloadJson });
  peer.world.record('send_finish', about, rpcId, peer.name, 'rejected', { error: reason });
}

/** A WAMP callee's own status, as a Bub peer would give it. */
function statusOf(payload: Payload): string {
  let kwargs: Dict | undefined;
  try {
    kwargs = payload.value().kwargs;
  } catch (error) {
    if (!(error instanceof WampError)) throw error;
  }
  const status = kwargs?.status;
  return typeof status === 'string' && status !== '' ? status : 'ok';
}
