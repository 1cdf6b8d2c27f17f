import { randomUUID } from 'node:crypto';
import type { Plan, Recipient } from '../../router/plan.ts';
import { WampError } from '../../wamp/errors.ts';
import { MessageType } from '../../wamp/messages.ts';
import { PUBLISH_DEFAULTS } from '../../wamp/options.ts';
import type { Payload } from '../../wamp/payload.ts';
import { beginTrace } from '../trace.ts';
import { Delivery } from './delivery.ts';
import { type Frame, kwargsText, metadataField, payloadField, RelayError, type Said, textField } from './frames.ts';
import { codeOf, fullName, kwargsPayload } from './mapping.ts';
import type { Joined, RelayPeer } from './peer.ts';

/** A `send` or a `broadcast` of an agent: one publication (BRIDGES §2). */
export class Saying {
  readonly topic: string;
  /** A `send`, which is answered. */
  readonly isDirect: boolean;
  readonly messageId = randomUUID();
  readonly #joined: Joined;
  readonly #peer: RelayPeer;
  readonly #said: Said;
  readonly #text: string;
  readonly #payload: Payload;
  #plan: Plan | undefined;

  /** @throws RelayError naming the field that is wrong */
  constructor(frame: Frame, joined: Joined, peer: RelayPeer) {
    this.#joined = joined;
    this.#peer = peer;
    this.isDirect = frame.type === 'send';
    this.topic = this.isDirect ? fullName(textField(frame, 'to')) : textField(frame, 'topic');
    this.#said = {
      messageType: textField(frame, 'message_type'),
      payload: payloadField(frame),
      metadata: metadataField(frame),
      fromName: peer.name,
      fromPeerId: peer.peerId,
      timestampMs: joined.world.clock.now(),
    };
    this.#text = kwargsText(this.#said);
    this.#payload = kwargsPayload(this.#text);
  }

  /**
   * Finds its receivers anew.
   * @param done told how many rows of the activity log it needs, or why it may not be said; later where somebody has to be
   *   asked
   */
  prepare(done: (rows: number | RelayError) => void): void {
    const { realm, session } = this.#joined.member;
    // Who writes to itself gets it; else no agent hears itself, whatever else it listens to.
    const options = { ...PUBLISH_DEFAULTS, excludeMe: !(this.isDirect && this.topic === this.#peer.name) };
    const publish = {
      type: MessageType.PUBLISH,
      request: 0,
      options,
      topic: this.topic,
      payload: this.#payload,
    } as const;
    realm.plan(session, publish, (plan) => {
      if (plan instanceof WampError) done(new RelayError(codeOf(plan.uri), plan.message));
      else if (this.isDirect && plan.recipients.length === 0) {
        done(new RelayError('name_not_found', `nobody is called ${this.topic}`));
      } else {
        this.#plan = plan;
        done(2 + 2 * plan.recipients.filter(isAgent).length);
      }
    });
  }

  /** Delivers what {@link prepare} has found. @param rows that were reserved for it */
  deliver(rows: number): void {
    const { world } = this.#joined;
    const plan = this.#plan;
    if (plan === undefined) return;
    const { name } = this.#peer;
    const trace = beginTrace(this.#payload, this.messageId);
    const said = { said: this.#said, isOurs: true };
    const delivery = new Delivery(world, plan.publication.id, this.topic, trace, said);
    world.published(this.#payload, delivery);
    world.record('send_start', this, '', name, 'start', { payloadJson: this.#text });
    plan.deliverAll();
    world.record('send_finish', this, '', name, 'ok');
    // Several topics of one agent were counted each.
    const spare = rows - 2 - 2 * delivery.receivers;
    if (spare > 0) world.activity.release(spare);
  }
}

/** Peers that confirm record their rows when they have answered, beyond what is reserved here. */
function isAgent({ session, confirms }: Recipient): boolean {
  return !confirms && session.bridged;
}
