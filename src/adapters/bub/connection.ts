import type { Peer, Sent as Taken } from '../../router/peer.ts';
import { LOST } from '../../router/realm.ts';
import type { Link, LinkHandler } from '../../transports/link.ts';
import { type CloseReason, CloseUri } from '../../wamp/errors.ts';
import { isDict } from '../../wamp/features.ts';
import { type Invocation, MessageType, type RouterMessage } from '../../wamp/messages.ts';
import type { AdapterContext, BridgeContext } from '../adapter.ts';
import { type Admission, admit } from './admission.ts';
import { BubCall } from './call.ts';
import type { Dialect } from './dialect.ts';
import { Gate } from './gate.ts';
import {
  failureText,
  field,
  parse,
  type Request,
  type Response,
  RpcCode,
  RpcError,
  resultText,
  textField,
} from './jsonrpc.ts';
import { shown } from './mapping.ts';
import { Member } from './member.ts';
import { readOutgoing } from './outgoing.ts';
import { reject, Sending, type SendingPeer, type Sent } from './sending.ts';
import { Subscriptions } from './subscriptions.ts';
import type { Awaited, Target } from './target.ts';
import { BubWorld } from './world.ts';

/** Before `initialize`, and at a second one (bub-v2 13, bub-v1 "initialize"); real clients compare the text. */
const INIT_CODE = -32001;
/** Longest clientId, in UTF-16 units. */
const MAX_NAME_LENGTH = 256;

/** Unanswered deliveries of one peer that are kept in mind; each keeps its payload. */
const MAX_AWAITED = 4096;

/** What a peer is once it is initialized. */
interface Joined {
  readonly world: BubWorld;
  readonly member: Member;
  readonly subscriptions: Subscriptions;
}

/** One connection of a Bub peer, of either version: its session from a good `initialize` on, and that session's Peer. */
export class BubConnection implements LinkHandler, Peer, Target {
  readonly confirms = true;
  silent = false;
  name = '';
  sessionId = 0;
  readonly #link: Link;
  readonly #context: AdapterContext;
  readonly #bridge: BridgeContext;
  readonly #dialect: Dialect;
  readonly #serverId: string;
  readonly #gate: Gate<Request>;
  /** Requests of ours that it has not answered. */
  readonly #awaited = new Map<number, Awaited>();
  /** Calls it works on, by INVOCATION.Request. */
  readonly #calls = new Map<number, BubCall>();
  #joined: Joined | undefined;
  #isJoining = false;
  #closed = false;
  #cancelTimer: (() => void) | undefined;

  constructor(link: Link, context: AdapterContext, bridge: BridgeContext, dialect: Dialect, serverId: string) {
    this.#link = link;
    this.#context = context;
    this.#bridge = bridge;
    this.#dialect = dialect;
    this.#serverId = serverId;
    this.#gate = new Gate(
      () => bridge.rules()?.bub.maxConcurrentRequests ?? 1,
      (request) => this.#carryOut(request),
    );
    this.#cancelTimer = context.clock.setTimer(context.handshakeTimeoutMs, () => {
      context.handshake('timeout');
      this.#end('tryLater', 'no initialize in time');
    });
  }

  get version() {
    return this.#dialect.version;
  }

  message(bytes: Buffer, binary: boolean): void {
    if (this.#closed) return;
    const message = parse(bytes, binary);
    switch (message.kind) {
      case 'response':
        this.#answered(message);
        return;
      case 'invalid':
        this.#write(failureText(message.id, message.code, message.message));
        return;
      case 'request':
        if (message.method === 'ping' && this.#joined !== undefined) this.#ping(message);
        else if (!this.#gate.enter(message)) {
          this.#fail(message, new RpcError(RpcCode.INTERNAL_ERROR, 'Internal error: too many requests at once'));
        }
    }
  }

  // ---- requests of the peer --------------------------------------------------------------------------------------

  #carryOut(request: Request): void {
    try {
      this.#dispatch(request);
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      this.#settle(request, error);
    }
  }

  #dispatch(request: Request): void {
    const { method } = request;
    if (method === 'initialize') {
      this.#initialize(request);
      return;
    }
    const joined = this.#joined;
    if (joined === undefined) throw new RpcError(INIT_CODE, 'Not initialized');
    if (!this.#dialect.methods.has(method)) {
      throw new RpcError(RpcCode.METHOD_NOT_FOUND, `Method not found: ${shown(method)}`);
    }
    switch (method) {
      case 'subscribe':
        this.#subscribe(request, joined);
        return;
      case 'unsubscribe':
        this.#unsubscribe(request, joined);
        return;
      case 'ping':
        this.#ping(request);
        this.#gate.done();
        return;
      default:
        this.#send(request, joined);
    }
  }

  #ping(request: Request): void {
    this.#succeed(request, { timestamp: new Date(this.#context.clock.now()).toISOString() });
  }

  #subscribe(request: Request, { subscriptions }: Joined): void {
    const pattern = textField(request.params, 'topic');
    if (subscriptions.has(pattern)) {
      const { subscribed } = this.#dialect.codes;
      this.#settle(
        request,
        subscribed === undefined ? undefined : new RpcError(subscribed, 'Already subscribed to this topic'),
      );
      return;
    }
    subscriptions.add(pattern, (error) => this.#settle(request, error));
  }

  #unsubscribe(request: Request, { subscriptions }: Joined): void {
    const pattern = textField(request.params, 'topic');
    const known = subscriptions.has(pattern);
    if (known) subscriptions.remove(pattern);
    const { notSubscribed } = this.#dialect.codes;
    this.#settle(request, known ? undefined : new RpcError(notSubscribed, `Subscription not found: ${shown(pattern)}`));
  }

  #send(request: Request, joined: Joined): void {
    const { version } = this.#dialect;
    const { world, member } = joined;
    const peer: SendingPeer = {
      world,
      member,
      version,
      name: this.name,
      sent: (outcome) => this.#sent(request, outcome),
      hold: () => this.#gate.hold(),
      unhold: () => this.#gate.unhold(),
    };
    const { allowOther } = world.rules;
    const { maxMessageBytes } = member.realm.limits;
    try {
      const outgoing = readOutgoing(request, { version, name: this.name, allowOther, maxMessageBytes });
      new Sending(peer, outgoing, request).begin();
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      this.#refuse(peer, request, error);
    }
  }

  /** A rejected message leaves its trace, too, and waits for room like any other. */
  #refuse(peer: SendingPeer, request: Request, error: RpcError): void {
    const finish = () => {
      reject(peer, request, error.message);
      this.#settle(request, error);
    };
    if (
      peer.world.activity.reserve(2, () => {
        finish();
        peer.unhold();
      })
    ) {
      finish();
    } else {
      peer.hold();
    }
  }

  #sent(request: Request, outcome: Sent): void {
    if (outcome.kind === 'refused') {
      this.#settle(request, outcome.error);
      return;
    }
    const { method } = request;
    this.#succeed(request, method === 'sendMessage' ? this.#dialect.result(outcome) : { success: true });
    this.#gate.done();
  }

  /** The end of a request whose result says no more than that it succeeded. */
  #settle(request: Request, error: RpcError | undefined): void {
    if (error === undefined) this.#succeed(request, { success: true });
    else this.#fail(request, error);
    this.#gate.done();
  }

  // ---- initialize -------------------------------------------------------------------------------------------------

  #initialize(request: Request): void {
    if (this.#joined !== undefined || this.#isJoining) throw new RpcError(INIT_CODE, 'Already initialized');
    const clientId = this.#readClient(request);
    const admission = admit(this.#context, this.#link.info, clientId);
    if (!(admission instanceof Promise)) {
      this.#admitted(request, clientId, admission);
      return;
    }
    this.#isJoining = true;
    this.#gate.hold();
    // admit catches what may go wrong.
    void admission.then((settled) => {
      this.#isJoining = false;
      if (!this.#closed) this.#admitted(request, clientId, settled);
      this.#gate.unhold();
    });
  }

  #readClient({ params }: Request): string {
    const clientId = field(params, 'clientId');
    const info = field(params, 'clientInfo');
    const { badClient } = this.#dialect.codes;
    if (typeof clientId !== 'string' || clientId === '' || clientId.length > MAX_NAME_LENGTH) {
      throw new RpcError(
        badClient,
        `Invalid params: clientId: a string of 1 to ${MAX_NAME_LENGTH} characters expected`,
      );
    }
    // Real clients say null.
    if (info !== undefined && info !== null && !isDict(info)) {
      throw new RpcError(badClient, 'Invalid params: clientInfo: an object expected');
    }
    return clientId;
  }

  #admitted(request: Request, clientId: string, admission: Admission): void {
    const { log } = this.#context;
    const { address } = this.#link.info;
    if (admission.kind === 'tryLater') {
      this.#gate.done();
      this.#end('tryLater', admission.message);
      return;
    }
    if (admission.kind === 'refuse') {
      const { message, reason, final } = admission;
      this.#context.handshake('denied');
      log.info({ realm: this.#bridge.realm, authid: clientId, address, reason }, 'authentication denied');
      this.#settle(request, new RpcError(this.#dialect.codes.badClient, `Invalid params: ${message}`));
      if (final) this.#end('policyViolation', message);
      return;
    }
    const { realm } = admission.host;
    const session = realm.join(this, admission.member);
    if (session === undefined) {
      this.#gate.done();
      this.#end('tryLater', 'the realm is full');
      return;
    }
    this.#disarm();
    this.#link.narrow(() => realm.limits.outboxBytes);
    this.name = clientId;
    this.sessionId = session.id;
    const member = new Member(realm, session);
    const world = BubWorld.of(realm, this.#bridge, this.#context.clock);
    this.#joined = { world, member, subscriptions: new Subscriptions(member, this.#dialect.prefixEnds) };
    world.enter(this);
    this.#context.handshake('welcomed');
    log.debug({ realm: realm.name, session: session.id, authid: clientId }, 'session joined');
    this.#succeed(request, {
      serverId: this.#serverId,
      serverInfo: { name: 'waggle', version: this.#context.agent },
      capabilities: this.#dialect.capabilities,
    });
    this.#gate.done();
  }

  // ---- the Peer ----------------------------------------------------------------------------------------------------

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
    this.#leave();
    // What a shutdown ends comes back, whatever WAMP peers are told (CONTRACT §6).
    if (reason.uri === CloseUri.SYSTEM_SHUTDOWN || reason.how === 'restart') this.#end('restart', reason.message);
    else if (reason.how === 'tryLater') this.#end('tryLater', reason.message);
    else this.#end('policyViolation', reason.message);
  }

  // ---- the Target --------------------------------------------------------------------------------------------------

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

  #answered(response: Response): void {
    this.silent = false;
    const { id } = response;
    if (typeof id !== 'number') return;
    const awaited = this.#awaited.get(id);
    if (awaited === undefined) return;
    this.#awaited.delete(id);
    awaited.answered(this, response);
  }

  // ---- ends --------------------------------------------------------------------------------------------------------

  closed(): void {
    this.#closed = true;
    this.#disarm();
    this.#leave();
  }

  /** Takes it out of the world, so that nobody waits for it. Idempotent. */
  #leave(): void {
    const joined = this.#joined;
    if (joined === undefined) return;
    this.#joined = undefined;
    this.#gate.clear();
    joined.world.leave(this);
    // First the session, or what is settled here would be sent on through it.
    joined.member.realm.leave(joined.member.session, LOST);
    joined.member.end();
    const awaited = [...this.#awaited.values()];
    this.#awaited.clear();
    for (const each of awaited) each.gone(this);
  }

  #end(how: 'restart' | 'tryLater' | 'policyViolation', message: string): void {
    this.#disarm();
    this.#closed = true;
    this.#link.close(how, message);
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #succeed(request: Request, result: Parameters<typeof resultText>[1]): void {
    if (request.id !== undefined) this.#write(resultText(request.id, result));
  }

  #fail(request: Request, error: RpcError): void {
    if (request.id !== undefined) this.#write(failureText(request.id, error.code, error.message));
  }

  #write(text: string): void {
    if (!this.#closed) this.#link.write(Buffer.from(text), false, false);
  }
}
