import type { Sent } from '../../router/peer.ts';
import { ErrorUri, WampError } from '../../wamp/errors.ts';
import type { Event } from '../../wamp/messages.ts';
import { beginTrace, type Trace, traceOf } from '../trace.ts';
import { broadcastText, messageText, type Said } from './frames.ts';
import { loggedText, ownForm, wholeText } from './mapping.ts';
import type { RelayPeer } from './peer.ts';
import type { RelayWorld } from './world.ts';

/** What is said, or why it cannot be said to an agent. */
type Content = { readonly said: Said; readonly isOurs: boolean } | { readonly uri: string; readonly reason: string };

/** `message_type` of what is not in our form. */
const WAMP_TYPE = 'wamp';
/** `from_name` of whom the rules of the realm do not disclose. */
const NOBODY = 'wamp';

/** One publication on its way to the relay agents of a realm. Each gets it once however many of its topics match. */
export class Delivery {
  readonly publication: number;
  readonly topic: string;
  readonly #world: RelayWorld;
  readonly #trace: Trace;
  readonly #content: Content;
  readonly #peers = new Set<RelayPeer>();
  #direct: Buffer | undefined;
  #broadcast: Buffer | undefined;

  constructor(world: RelayWorld, publication: number, topic: string, trace: Trace, content: Content) {
    this.#world = world;
    this.publication = publication;
    this.topic = topic;
    this.#trace = trace;
    this.#content = content;
  }

  get messageId(): string {
    return this.#trace.messageId;
  }

  /** Agents that it was handed to, whether or not they took it. */
  get receivers(): number {
    return this.#peers.size;
  }

  /** For an event that no agent published: unless another bridge or an audit rule began it, its trace is ours. */
  static ofEvent(world: RelayWorld, event: Event): Delivery {
    const { publication, topic, payload, receipts } = event;
    const known = traceOf(payload);
    const audited = receipts?.traceId;
    const trace = known ?? beginTrace(payload, audited ?? `wamp-${publication}`);
    const content = contentOf(world, event);
    const delivery = new Delivery(world, publication, topic, trace, content);
    if (known !== undefined || audited !== undefined) return delivery;
    const actor = publisherOf(event);
    if ('uri' in content) {
      world.record('send_start', delivery, '', actor, 'start');
      queueMicrotask(() => world.record('send_finish', delivery, '', actor, 'rejected', { error: content.reason }));
    } else {
      world.record('send_start', delivery, '', actor, 'start', { payloadJson: loggedText(payload) });
      // All receivers are served in this turn.
      queueMicrotask(() => world.record('send_finish', delivery, '', actor, 'ok'));
    }
    return delivery;
  }

  /** @param event of one of the agent's subscriptions */
  handTo(peer: RelayPeer, { receipts }: Event): Sent {
    if (this.#peers.has(peer)) return true;
    this.#peers.add(peer);
    const content = this.#content;
    if ('uri' in content) {
      this.#record('process_finish', peer, 'rejected', content.reason);
      return content.uri;
    }
    this.#record('process_start', peer, 'start', '');
    const taken = peer.post(this.#frame(peer, content), true);
    if (!taken) {
      this.#record('process_finish', peer, 'error', 'the connection did not take it');
      return ErrorUri.NETWORK_FAILURE;
    }
    this.#record('process_finish', peer, 'ok', '');
    // An audited publication waits for those who write their own rows; agents answer nothing.
    const session = peer.joined?.member.session.id;
    if (receipts?.traceId !== undefined && session !== undefined) {
      receipts.settle({ session, outcome: 'processed', detail: undefined });
    }
    return true;
  }

  /** In our form and on the agent's own name it is a direct message. */
  #frame(peer: RelayPeer, { said, isOurs }: Extract<Content, { said: Said }>): Buffer {
    if (isOurs && this.topic === peer.name) {
      this.#direct ??= Buffer.from(messageText(said));
      return this.#direct;
    }
    this.#broadcast ??= Buffer.from(broadcastText(this.topic, said));
    return this.#broadcast;
  }

  #record(event: 'process_start' | 'process_finish', peer: RelayPeer, status: string, error: string): void {
    this.#trace.recorded += 1;
    this.#world.record(event, this, '', peer.name, status, { error });
  }
}

/** Whatever the kwargs say, an agent is told no other name than the one the router knows. */
function contentOf(world: RelayWorld, event: Event): Content {
  const { payload } = event;
  const from = { fromName: publisherOf(event), fromPeerId: '', timestampMs: world.clock.now() };
  try {
    const ours = ownForm(payload);
    if (ours !== undefined) return { said: { ...from, ...ours }, isOurs: true };
    const text = JSON.stringify(wholeText(payload));
    return { said: { ...from, messageType: WAMP_TYPE, payload: text, metadata: '{}' }, isOurs: false };
  } catch (error) {
    if (error instanceof WampError) return { uri: error.uri, reason: error.message };
    throw error;
  }
}

function publisherOf(event: Event): string {
  const { publisher_authid: authid } = event.details;
  return typeof authid === 'string' ? authid : NOBODY;
}
