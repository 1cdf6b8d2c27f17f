import type { Deadline } from '../../router/deadlines.ts';
import type { Sent } from '../../router/peer.ts';
import { ErrorUri, WampError } from '../../wamp/errors.ts';
import type { Event, Receipt, ReceiptSink } from '../../wamp/messages.ts';
import type { Payload } from '../../wamp/payload.ts';
import { nesting } from '../json-spans.ts';
import { MAX_FRAME_BYTES, MAX_NESTING, objectText } from '../text.ts';
import { beginTrace, type Trace, traceOf } from '../trace.ts';
import { envelopeProblem, wrap } from './envelope.ts';
import { type Response, requestText } from './jsonrpc.ts';
import { isCanonical } from './roles.ts';
import { type Awaited, outcomeOf, type ReceiptDetail, type Target, type Version } from './target.ts';
import type { BubWorld } from './world.ts';

/** Who sent what is delivered. */
export type Source =
  | {
      readonly kind: 'bub';
      readonly version: Version;
      readonly name: string;
      readonly messageId: string;
      /** The payload as it came. */
      readonly text: string;
      readonly receipts: ReceiptSink;
    }
  | { readonly kind: 'wamp'; readonly event: Event };

/** A frame, or why there is none. */
type View = Buffer | { readonly uri: string; readonly reason: string };

const NOTHING_MORE = Object.freeze({});

/** One publication on its way to the Bub peers of a realm. Each gets it once; all that are awaited share a deadline. */
export class Delivery implements Deadline, Awaited {
  readonly publication: number;
  readonly topic: string;
  readonly messageId: string;
  at = 0;
  slot = -1;
  readonly #world: BubWorld;
  readonly #id: number;
  /** The same as text, for the activity log. */
  readonly #rpcId: string;
  readonly #source: Source;
  readonly #payload: Payload;
  /** Everybody it was handed to, with whether the answer is awaited. */
  readonly #targets = new Map<Target, boolean>();
  readonly #views: [View | undefined, View | undefined] = [undefined, undefined];
  #open = 0;
  #wasHandedOut = false;
  #rejection: string | undefined;
  #finished = false;
  /** Rows it has added to the activity log for its targets. */
  recorded = 0;
  /** Of a message that another bridge has named: its trace begins and ends there. */
  readonly #trace: Trace | undefined;

  constructor(world: BubWorld, publication: number, topic: string, payload: Payload, source: Source) {
    this.#world = world;
    this.#id = world.nextId();
    this.#rpcId = String(this.#id);
    this.publication = publication;
    this.topic = topic;
    this.#payload = payload;
    this.#source = source;
    this.#trace = source.kind === 'wamp' ? traceOf(payload) : undefined;
    this.messageId = source.kind === 'bub' ? source.messageId : (this.#trace?.messageId ?? idOf(source.event));
  }

  /** For an event that no Bub peer published: its trace begins and ends here, unless an audit rule began it. */
  static ofEvent(world: BubWorld, event: Event): Delivery {
    const delivery = new Delivery(world, event.publication, event.topic, event.payload, { kind: 'wamp', event });
    if (delivery.#trace !== undefined || event.receipts?.traceId !== undefined) return delivery;
    beginTrace(event.payload, delivery.messageId);
    world.record('send_start', delivery, '', publisherOf(event) ?? 'wamp', 'start', {
      payloadJson: payloadLog(event.payload),
    });
    // All receivers are served in this turn, so whoever is open after it is all there will be.
    queueMicrotask(() => delivery.#finish());
    return delivery;
  }

  /** Hands it to a peer, once however many of its patterns match. */
  handTo(target: Target): Sent {
    if (this.#targets.has(target)) return true;
    this.#targets.set(target, false);
    const view = this.#view(target.version);
    if (!Buffer.isBuffer(view)) {
      this.#record('process_finish', target, 'rejected', view.reason);
      this.#rejection ??= view.reason;
      return view.uri;
    }
    this.#wasHandedOut = true;
    this.#record('process_start', target, 'start');
    if (!target.post(view, true)) {
      this.#record('process_finish', target, 'error', 'the connection did not take it');
      return ErrorUri.NETWORK_FAILURE;
    }
    if (target.silent || target.isSwamped) {
      const why = target.silent ? 'it let an earlier one time out' : 'too many are unanswered';
      this.#settle(target, 'timeout', { result: undefined }, 'timeout', `not awaited: ${why}`);
      return true;
    }
    target.expect(this.#id, this);
    this.#targets.set(target, true);
    this.#open += 1;
    if (this.#open === 1) this.#world.deadlines.add(this, this.#world.rules.processTimeoutMs);
    return true;
  }

  answered(target: Target, answer: Response): void {
    const { status, error } = outcomeOf(answer);
    this.#close(target);
    this.#settle(target, answer.result === undefined ? 'failed' : 'processed', answer, status, error);
    this.#finish();
  }

  gone(target: Target): void {
    this.#close(target);
    this.#settle(target, 'gone', { result: undefined }, 'error', 'the connection was lost');
    this.#finish();
  }

  expired(): void {
    // Whoever is settled here may let the next one be asked (v1): that one has its own time.
    const late = [...this.#targets].filter(([, waits]) => waits);
    for (const [target] of late) {
      this.#close(target);
      target.forget(this.#id);
      target.silent = true;
      this.#settle(target, 'timeout', { result: undefined }, 'timeout', 'no answer in time');
    }
    this.#finish();
  }

  #close(target: Target): void {
    this.#targets.set(target, false);
    this.#open -= 1;
    if (this.#open === 0) this.#world.deadlines.remove(this);
  }

  #settle(target: Target, outcome: Receipt['outcome'], detail: ReceiptDetail, status: string, error: string): void {
    this.#record('process_finish', target, status, error);
    const receipts = this.#source.kind === 'bub' ? this.#source.receipts : this.#source.event.receipts;
    receipts?.settle({ session: target.sessionId, outcome, detail });
  }

  /** The end of what Bub peers publish, and of what is audited, is whose it was to begin. */
  #finish(): void {
    if (this.#source.kind === 'bub' || this.#trace !== undefined || this.#open > 0 || this.#finished) return;
    this.#finished = true;
    if (this.#source.event.receipts?.traceId !== undefined) return;
    const actor = publisherOf(this.#source.event) ?? 'wamp';
    const error = this.#wasHandedOut ? undefined : this.#rejection;
    if (error === undefined) this.#world.record('send_finish', this, '', actor, 'ok');
    else this.#world.record('send_finish', this, '', actor, 'rejected', { error });
  }

  #record(event: 'process_start' | 'process_finish', target: Target, status: string, error = ''): void {
    this.recorded += 1;
    if (this.#trace !== undefined) this.#trace.recorded += 1;
    this.#world.record(event, this, this.#rpcId, target.name, status, error === '' ? NOTHING_MORE : { error });
  }

  #view(version: Version): View {
    let view = this.#views[version - 1];
    if (view === undefined) {
      view = this.#makeView(version);
      this.#views[version - 1] = view;
    }
    return view;
  }

  #makeView(version: Version): View {
    const said = this.#say(version);
    if ('uri' in said) return said;
    const method = version === 2 ? 'processMessage' : 'sendMessage';
    return frameOf(requestText(this.#id, method, this.topic, said.text));
  }

  #say(version: Version): { readonly text: string } | { readonly uri: string; readonly reason: string } {
    const source = this.#source;
    if (source.kind === 'bub' && (version === 1 || source.version === 2)) return source;
    try {
      const { args, kwargs } = this.#payload.value();
      const whole = args.length === 0 && kwargs !== undefined;
      // v1 knows no envelope: whatever is named is a payload.
      if (version === 1 && whole) return { text: objectText(kwargs) };
      if (whole && envelopeProblem(kwargs) === undefined) {
        if (!this.#maySend(String(kwargs.type))) {
          return { uri: ErrorUri.NOT_AUTHORIZED, reason: `the sender may not send type ${String(kwargs.type)}` };
        }
        return { text: source.kind === 'bub' ? source.text : objectText(kwargs) };
      }
      const from = source.kind === 'bub' ? source.name : publisherOf(source.event);
      return {
        text: objectText({ ...wrap('wamp_event', this.publication, from, this.#world.clock.now(), { args, kwargs }) }),
      };
    } catch (error) {
      if (error instanceof WampError) return { uri: error.uri, reason: error.message };
      throw error;
    }
  }

  /** The matrix for what does not come from a v2 peer, whose types were judged when it sent (BRIDGES §1). */
  #maySend(type: string): boolean {
    if (!isCanonical(type)) return true;
    const source = this.#source;
    if (source.kind === 'bub') return this.#world.mayMemberSend(type, source.name, undefined);
    return this.#world.mayMemberSend(type, publisherOf(source.event), source.event.details.publisher);
  }
}

/** The frame, unless a Bub client would break on it. */
export function frameOf(text: string): View {
  const frame = Buffer.from(text);
  if (frame.length > MAX_FRAME_BYTES) {
    return {
      uri: ErrorUri.PAYLOAD_SIZE_EXCEEDED,
      reason: `a frame of ${frame.length} bytes; Bub peers take ${MAX_FRAME_BYTES}`,
    };
  }
  if (nesting(text, MAX_NESTING) > MAX_NESTING) {
    return {
      uri: ErrorUri.PAYLOAD_SIZE_EXCEEDED,
      reason: `it nests deeper than the ${MAX_NESTING} levels that Bub peers take`,
    };
  }
  return frame;
}

function publisherOf(event: Event): string | undefined {
  const { publisher_authid: authid } = event.details;
  return typeof authid === 'string' ? authid : undefined;
}

function idOf({ receipts, payload, publication }: Event): string {
  return receipts?.traceId ?? envelopeId(payload) ?? `wamp-${publication}`;
}

/** The messageId of a payload that is an envelope. */
export function envelopeId(payload: Payload): string | undefined {
  try {
    const { args, kwargs } = payload.value();
    if (args.length > 0 || kwargs === undefined || envelopeProblem(kwargs) !== undefined) return undefined;
    return String(kwargs.messageId);
  } catch (error) {
    if (error instanceof WampError) return undefined;
    throw error;
  }
}

/** A payload as the activity log has it; undefined where JSON cannot say it. */
export function payloadLog(payload: Payload): string | undefined {
  try {
    const { args, kwargs } = payload.value();
    return objectText(args.length === 0 && kwargs !== undefined ? kwargs : { args, kwargs: kwargs ?? {} });
  } catch (error) {
    if (error instanceof WampError) return undefined;
    throw error;
  }
}
