import type { Link, LinkHandler } from '../../transports/link.ts';
import type { AdapterContext, BridgeContext } from '../adapter.ts';
import { type Admission, admit } from '../admission.ts';
import type { BridgeEnd } from '../endings.ts';
import { Gate } from '../gate.ts';
import { Member } from '../member.ts';
import { textOf } from '../text.ts';
import { errorText, type Frame, optionalText, PONG, parse, RelayError, registeredText, textField } from './frames.ts';
import { checkedName } from './mapping.ts';
import { type Owner, RelayPeer } from './peer.ts';
import { newPeerId, peerIdOf } from './peer-id.ts';
import { Requests } from './requests.ts';
import { Topics } from './topics.ts';
import { RelayWorld } from './world.ts';

/** Longest `relay` of a `register`, in characters. */
const MAX_RELAY_LENGTH = 1024;

/** What an agent asks to be. */
interface Registering {
  readonly frame: Frame;
  readonly name: string;
  /** The relay that it would like to be reached by: shown to admins, as the router is the relay. */
  readonly relay: string | undefined;
}

/** One connection: reads, and lets whoever sent a good `register` join its realm as a peer. */
export class RelayConnection implements LinkHandler {
  readonly #link: Link;
  readonly #context: AdapterContext;
  readonly #bridge: BridgeContext;
  readonly #gate: Gate<Frame>;
  #peer: RelayPeer | undefined;
  #requests: Requests | undefined;
  #isJoining = false;
  #closed = false;
  #cancelTimer: (() => void) | undefined;

  constructor(link: Link, context: AdapterContext, bridge: BridgeContext) {
    this.#link = link;
    this.#context = context;
    this.#bridge = bridge;
    // Nothing an agent asks for takes long but its calls, and those have their own limit.
    this.#gate = new Gate(
      () => Number.POSITIVE_INFINITY,
      (frame) => this.#carryOut(frame),
    );
    this.#cancelTimer = context.clock.setTimer(context.handshakeTimeoutMs, () => {
      context.handshake('timeout');
      this.#fail(new RelayError('timeout', 'no register in time'), undefined);
      this.#end('tryLater', 'no register in time');
    });
  }

  message(bytes: Buffer, binary: boolean): void {
    if (this.#closed) return;
    const frame = parse(textOf(bytes, binary));
    if (frame instanceof RelayError) this.#fail(frame, undefined);
    else if (frame.type === 'ping') this.#write(PONG);
    else if (frame.type === 'call_response' && this.#requests !== undefined) this.#responded(frame, this.#requests);
    else if (!this.#gate.enter(frame)) this.#fail(new RelayError('internal', 'too many messages wait'), frame);
  }

  /** Answers never wait: what is held back may wait for them. */
  #responded(frame: Frame, requests: Requests): void {
    try {
      requests.respond(frame);
    } catch (error) {
      this.#refused(error, frame);
    }
  }

  #carryOut(frame: Frame): void {
    try {
      if (frame.type === 'register') this.#register(frame);
      else if (this.#requests !== undefined) this.#requests.carryOut(frame);
      else throw new RelayError('not_registered', 'register first');
    } catch (error) {
      this.#refused(error, frame);
    }
    this.#gate.done();
  }

  #refused(error: unknown, frame: Frame): void {
    if (!(error instanceof RelayError)) throw error;
    this.#fail(error, frame);
  }

  // ---- register ---------------------------------------------------------------------------------------------------

  #register(frame: Frame): void {
    if (this.#peer !== undefined || this.#isJoining) {
      throw new RelayError('already_registered', `this connection is ${this.#peer?.name ?? 'registering'} already`);
    }
    const registering = readRegister(frame);
    const admission = admit(this.#context, this.#link.info, 'relay', registering.name);
    if (!(admission instanceof Promise)) {
      this.#admitted(registering, admission);
      return;
    }
    this.#isJoining = true;
    this.#gate.hold();
    // admit catches what may go wrong.
    void admission.then((settled) => {
      this.#isJoining = false;
      if (!this.#closed) this.#admitted(registering, settled);
      this.#gate.unhold();
    });
  }

  #admitted(registering: Registering, admission: Admission): void {
    const { frame, name } = registering;
    if (admission.kind === 'tryLater') {
      this.#end('tryLater', admission.message);
    } else if (admission.kind === 'refuse') {
      const { message, reason, final } = admission;
      const { address } = this.#link.info;
      this.#context.handshake('denied');
      this.#context.log.info({ realm: this.#bridge.realm, authid: name, address, reason }, 'authentication denied');
      this.#fail(new RelayError('not_authorized', final ? message : `name: ${message}`), frame);
      if (final) this.#end('policyViolation', message);
    } else {
      this.#join(registering, admission);
    }
  }

  #join({ frame, name, relay }: Registering, admission: Extract<Admission, { kind: 'welcome' }>): void {
    const { host, member: admitted } = admission;
    const { realm } = host;
    const world = RelayWorld.of(realm, this.#bridge, this.#context.clock);
    if (world.isHeld(name)) {
      this.#fail(new RelayError('name_taken', `${name} is here already`), frame);
      return;
    }
    const owner: Owner = {
      // Not where its register was refused: the agent goes on.
      leaving: () => this.#peer !== undefined && this.#gate.clear(),
      end: (how, message) => this.#end(how, message),
    };
    const peer = new RelayPeer(this.#link, name, this.#peerIdFor(admitted.identity.principal), owner);
    const { transport: type, secure } = this.#link.info;
    const transport = Object.freeze({ type, protocol: 'relay', secure, ...(relay === undefined ? {} : { relay }) });
    const session = realm.join(peer, { ...admitted, transport });
    if (session === undefined) {
      this.#end('tryLater', 'the realm is full');
      return;
    }
    const member = new Member(realm, session);
    const topics = new Topics(member, name);
    const joined = { world, member, topics };
    this.#peer = peer;
    peer.enter(joined);
    this.#gate.hold();
    topics.open((error) => {
      if (error === undefined) this.#registered(peer, new Requests(peer, joined, this.#gate));
      else this.#rejected(peer, error, frame);
      this.#gate.unhold();
    });
  }

  #registered(peer: RelayPeer, requests: Requests): void {
    const { joined } = peer;
    if (joined === undefined) return;
    const { realm, session } = joined.member;
    this.#disarm();
    this.#link.narrow(() => realm.limits.outboxBytes);
    this.#requests = requests;
    this.#context.handshake('welcomed');
    this.#context.log.debug({ realm: realm.name, session: session.id, authid: peer.name }, 'session joined');
    this.#write(registeredText(peer.name, peer.peerId));
  }

  /** The rules of the realm do not let it have the name: it may try another one. */
  #rejected(peer: RelayPeer, error: RelayError, frame: Frame): void {
    this.#peer = undefined;
    peer.leave();
    this.#context.handshake('denied');
    this.#fail(error, frame);
  }

  #peerIdFor(principal: string | undefined): string {
    const key = principal === undefined ? undefined : this.#bridge.rules()?.keyOf(principal);
    return key === undefined ? newPeerId() : peerIdOf(Buffer.from(key, 'hex'));
  }

  // ---- ends --------------------------------------------------------------------------------------------------------

  closed(): void {
    this.#stop();
    this.#peer?.leave();
  }

  #end(how: BridgeEnd, message: string): void {
    this.#stop();
    this.#link.close(how, message);
  }

  #stop(): void {
    this.#closed = true;
    this.#disarm();
  }

  #disarm(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  #fail(error: RelayError, frame: Frame | undefined): void {
    this.#write(errorText(error, frame));
  }

  #write(text: string): void {
    if (!this.#closed) this.#link.write(Buffer.from(text), false, false);
  }
}

/** @throws RelayError naming the field that is wrong */
function readRegister(frame: Frame): Registering {
  const name = checkedName(textField(frame, 'name'));
  const relay = optionalText(frame, 'relay');
  if (relay !== undefined && relay.length > MAX_RELAY_LENGTH) {
    throw new RelayError('bad_message', `relay: at most ${MAX_RELAY_LENGTH} characters expected`);
  }
  return { frame, name, relay };
}
