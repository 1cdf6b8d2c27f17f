import type { Link, LinkHandler } from '../../transports/link.ts';
import { isDict } from '../../wamp/features.ts';
import type { AdapterContext, BridgeContext } from '../adapter.ts';
import { type Admission, admit } from '../admission.ts';
import { Gate } from '../gate.ts';
import { Member } from '../member.ts';
import { shown, textOf } from '../text.ts';
import type { Dialect } from './dialect.ts';
import { failureText, field, parse, type Request, RpcCode, RpcError } from './jsonrpc.ts';
import { BubPeer, type Owner } from './peer.ts';
import { Replies } from './replies.ts';
import { Requests } from './requests.ts';
import { Subscriptions } from './subscriptions.ts';
import { UsualAnswer } from './usual-answer.ts';
import { BubWorld } from './world.ts';

/** Before `initialize`, and at a second one (bub-v2 13, bub-v1 "initialize"); real clients compare the text. */
const INIT_CODE = -32001;
/** Longest clientId, in UTF-16 units. */
const MAX_NAME_LENGTH = 256;

/** One connection, of either version: reads, and lets whoever sent a good `initialize` join its realm as a peer. */
export class BubConnection implements LinkHandler {
  readonly #link: Link;
  readonly #context: AdapterContext;
  readonly #bridge: BridgeContext;
  readonly #dialect: Dialect;
  readonly #serverId: string;
  readonly #gate: Gate<Request>;
  readonly #replies: Replies;
  readonly #requests: Requests;
  readonly #usual = new UsualAnswer();
  #peer: BubPeer | undefined;
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
    this.#replies = new Replies(link, this.#gate);
    this.#requests = new Requests(dialect, this.#gate, this.#replies);
    this.#cancelTimer = context.clock.setTimer(context.handshakeTimeoutMs, () => {
      context.handshake('timeout');
      this.#end('tryLater', 'no initialize in time');
    });
  }

  message(bytes: Buffer, binary: boolean): void {
    if (this.#closed) return;
    const text = textOf(bytes, binary);
    const usual = this.#usual.read(text);
    if (usual !== undefined) {
      this.#peer?.answered(usual);
      return;
    }
    const message = parse(text);
    switch (message.kind) {
      case 'response':
        this.#usual.learn(message);
        this.#peer?.answered(message);
        return;
      case 'invalid':
        this.#replies.write(failureText(message.id, message.code, message.message));
        return;
      case 'request':
        if (message.method === 'ping' && this.#peer?.joined !== undefined) this.#ping(message);
        else if (!this.#gate.enter(message)) {
          this.#replies.fail(
            message,
            new RpcError(RpcCode.INTERNAL_ERROR, 'Internal error: too many requests at once'),
          );
        }
    }
  }

  #carryOut(request: Request): void {
    try {
      this.#dispatch(request);
    } catch (error) {
      if (!(error instanceof RpcError)) throw error;
      this.#replies.settle(request, error);
    }
  }

  #dispatch(request: Request): void {
    const { method } = request;
    if (method === 'initialize') {
      this.#initialize(request);
      return;
    }
    const joined = this.#peer?.joined;
    if (joined === undefined) throw new RpcError(INIT_CODE, 'Not initialized');
    if (!this.#dialect.methods.has(method)) {
      throw new RpcError(RpcCode.METHOD_NOT_FOUND, `Method not found: ${shown(method)}`);
    }
    switch (method) {
      case 'subscribe':
        this.#requests.subscribe(request, joined);
        return;
      case 'unsubscribe':
        this.#requests.unsubscribe(request, joined);
        return;
      case 'ping':
        this.#ping(request);
        this.#gate.done();
        return;
      default:
        this.#requests.send(request, joined);
    }
  }

  #ping(request: Request): void {
    this.#replies.succeed(request, { timestamp: new Date(this.#context.clock.now()).toISOString() });
  }

  // ---- initialize -------------------------------------------------------------------------------------------------

  #initialize(request: Request): void {
    if (this.#peer?.joined !== undefined || this.#isJoining) throw new RpcError(INIT_CODE, 'Already initialized');
    const clientId = this.#readClient(request);
    const admission = admit(this.#context, this.#link.info, 'bub', clientId);
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
    if (admission.kind === 'tryLater') {
      this.#gate.done();
      this.#end('tryLater', admission.message);
    } else if (admission.kind === 'refuse') {
      const { message, reason, final } = admission;
      const { address } = this.#link.info;
      this.#context.handshake('denied');
      this.#context.log.info({ realm: this.#bridge.realm, authid: clientId, address, reason }, 'authentication denied');
      this.#replies.settle(
        request,
        new RpcError(this.#dialect.codes.badClient, `Invalid params: ${final ? '' : 'clientId: '}${message}`),
      );
      if (final) this.#end('policyViolation', message);
    } else {
      this.#join(request, clientId, admission);
    }
  }

  #join(request: Request, clientId: string, { host, member: admitted }: Extract<Admission, { kind: 'welcome' }>): void {
    const { realm } = host;
    const owner: Owner = { leaving: () => this.#gate.clear(), end: (how, message) => this.#end(how, message) };
    const peer = new BubPeer(this.#link, clientId, this.#dialect, owner);
    const session = realm.join(peer, admitted);
    if (session === undefined) {
      this.#gate.done();
      this.#end('tryLater', 'the realm is full');
      return;
    }
    this.#disarm();
    this.#link.narrow(() => realm.limits.outboxBytes);
    this.#peer = peer;
    const member = new Member(realm, session);
    const world = BubWorld.of(realm, this.#bridge, this.#context.clock);
    const subscriptions = new Subscriptions(member, this.#dialect.prefixEnds);
    peer.enter({ name: clientId, world, member, subscriptions }, session);
    this.#context.handshake('welcomed');
    this.#context.log.debug({ realm: realm.name, session: session.id, authid: clientId }, 'session joined');
    this.#replies.finish(request, {
      serverId: this.#serverId,
      serverInfo: { name: 'waggle', version: this.#context.agent },
      capabilities: this.#dialect.capabilities,
    });
  }

  // ---- ends --------------------------------------------------------------------------------------------------------

  closed(): void {
    this.#stop();
    this.#peer?.leave();
  }

  #end(how: Parameters<Owner['end']>[0], message: string): void {
    this.#stop();
    this.#link.close(how, message);
  }

  #stop(): void {
    this.#closed = true;
    this.#replies.stop();
    this.#disarm();
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }
}
