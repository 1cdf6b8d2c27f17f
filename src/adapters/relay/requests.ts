import type { Gate } from '../gate.ts';
import { CALL_ROWS, Calling } from './calling.ts';
import {
  checkDepth,
  errorText,
  type Frame,
  jsonField,
  RelayError,
  resolvedText,
  sentText,
  subscribedText,
  textField,
  unknownType,
} from './frames.ts';
import { fullName, MAX_MESSAGE_BYTES } from './mapping.ts';
import type { Joined, RelayPeer } from './peer.ts';
import { Saying } from './saying.ts';

/** Of a name or topic that was refused, for the activity log. */
const MAX_SHOWN_TOPIC = 1024;

/** What a registered agent asks for. */
export class Requests {
  readonly #peer: RelayPeer;
  readonly #joined: Joined;
  readonly #gate: Gate<Frame>;

  constructor(peer: RelayPeer, joined: Joined, gate: Gate<Frame>) {
    this.#peer = peer;
    this.#joined = joined;
    this.#gate = gate;
  }

  /** @throws RelayError where it is refused */
  carryOut(frame: Frame): void {
    switch (frame.type) {
      case 'send':
      case 'broadcast':
      case 'call':
        this.#speak(frame);
        return;
      case 'subscribe': {
        const topic = textField(frame, 'topic');
        this.#joined.topics.add(topic, (error) => {
          this.#write(error === undefined ? subscribedText(topic) : errorText(error, frame));
        });
        return;
      }
      case 'unsubscribe':
        this.#joined.topics.remove(textField(frame, 'topic'));
        return;
      case 'resolve':
        this.#resolve(frame);
        return;
      default:
        throw unknownType(frame);
    }
  }

  /** @throws RelayError where it answers nothing */
  respond(frame: Frame): void {
    this.#check(frame);
    this.#peer.responded(frame);
  }

  #resolve(frame: Frame): void {
    const name = fullName(textField(frame, 'name'));
    const holder = this.#joined.world.agent(name);
    if (holder === undefined) throw new RelayError('name_not_found', `nobody is called ${name}`);
    this.#write(resolvedText(name, holder.peerId));
  }

  #speak(frame: Frame): void {
    try {
      this.#check(frame);
      if (frame.type === 'call') this.#call(frame);
      else this.#say(frame);
    } catch (error) {
      if (!(error instanceof RelayError)) throw error;
      this.#refuse(frame, error);
    }
  }

  #call(frame: Frame): void {
    const call = new Calling(frame, this.#joined, this.#peer.name, (text) => this.#write(text));
    this.#whenRoom(CALL_ROWS, () => this.#holding((asked) => call.begin(asked)));
  }

  #say(frame: Frame): void {
    const saying = new Saying(frame, this.#joined, this.#peer);
    this.#prepare(saying, (rows) => {
      if (rows instanceof RelayError) this.#refuse(frame, rows);
      else
        this.#whenRoom(rows, (isLate) => (isLate ? this.#sayLate(frame, saying, rows) : this.#deliver(saying, rows)));
    });
  }

  /** Others may have come and gone while it waited for room. */
  #sayLate(frame: Frame, saying: Saying, reserved: number): void {
    this.#prepare(saying, (rows) => {
      if (!(rows instanceof RelayError)) {
        this.#deliver(saying, reserved);
        return;
      }
      this.#joined.world.activity.release(reserved - 2);
      this.#reject(frame, rows);
    });
  }

  #deliver(saying: Saying, rows: number): void {
    saying.deliver(rows);
    if (saying.isDirect) this.#write(sentText(saying.topic, saying.messageId));
  }

  #prepare(saying: Saying, done: (rows: number | RelayError) => void): void {
    this.#holding((asked) =>
      saying.prepare((rows) => {
        done(rows);
        asked();
      }),
    );
  }

  /** Nothing further of this agent is routed until `asked` is called, where that is not at once: somebody has to be asked. */
  #holding(ask: (asked: () => void) => void): void {
    let isAsked = false;
    let isHeld = false;
    ask(() => {
      isAsked = true;
      if (isHeld) this.#gate.unhold();
    });
    if (isAsked) return;
    isHeld = true;
    this.#gate.hold();
  }

  /** @throws RelayError for what could not be handed to everybody */
  #check(frame: Frame): void {
    const limit = Math.min(MAX_MESSAGE_BYTES, this.#joined.member.realm.limits.maxMessageBytes);
    // A character has three bytes at most.
    const bytes = frame.text.length > limit / 3 ? Buffer.byteLength(frame.text) : 0;
    if (bytes > limit) throw new RelayError('payload_too_large', `a message of ${bytes} bytes; ${limit} go through`);
    checkDepth(frame);
  }

  /** What is refused leaves its trace, too, and waits for room like any other. */
  #refuse(frame: Frame, error: RelayError): void {
    this.#whenRoom(2, () => this.#reject(frame, error));
  }

  /** Nothing further of this agent is routed until the activity log has room for `rows` rows (BRIDGES §1). */
  #whenRoom(rows: number, go: (isLate: boolean) => void): void {
    const { activity } = this.#joined.world;
    const late = (): void => {
      if (this.#peer.joined === undefined) activity.release(rows);
      else go(true);
      this.#gate.unhold();
    };
    if (activity.reserve(rows, late)) go(false);
    else this.#gate.hold();
  }

  #reject(frame: Frame, error: RelayError): void {
    const { world } = this.#joined;
    const { name } = this.#peer;
    const { to, topic, correlation_id: id } = frame.fields;
    const uri = frame.type === 'broadcast' ? topic : to;
    const about = {
      messageId: typeof id === 'string' ? id.slice(0, MAX_SHOWN_TOPIC) : '',
      topic: typeof uri === 'string' ? uri.slice(0, MAX_SHOWN_TOPIC) : '',
    };
    world.record('send_start', about, '', name, 'start', { payloadJson: jsonField(frame, 'payload') });
    world.record('send_finish', about, '', name, 'rejected', { error: error.message });
    this.#write(errorText(error, frame));
  }

  #write(text: string): void {
    this.#peer.post(Buffer.from(text), false);
  }
}
