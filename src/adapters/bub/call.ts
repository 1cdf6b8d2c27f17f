import type { Deadline } from '../../router/deadlines.ts';
import type { Sent } from '../../router/peer.ts';
import type { Session } from '../../router/session.ts';
import { json } from '../../serializers/json.ts';
import { ErrorUri, WampError } from '../../wamp/errors.ts';
import { type Invocation, MessageType, NO_DETAILS } from '../../wamp/messages.ts';
import { YIELD_DEFAULTS } from '../../wamp/options.ts';
import { Payload } from '../../wamp/payload.ts';
import { members, nesting } from '../json-spans.ts';
import { MAX_NESTING, objectText } from '../text.ts';
import { type Trace, traceOf } from '../trace.ts';
import { envelopeId, frameOf } from './delivery.ts';
import { envelopeProblem, wrap } from './envelope.ts';
import { type Response, requestText } from './jsonrpc.ts';
import { BUB_PEER_ERROR } from './mapping.ts';
import { isCanonical } from './roles.ts';
import { type Awaited, outcomeOf, type Target } from './target.ts';
import type { BubWorld } from './world.ts';

/** A WAMP call that a Bub peer is to answer: it holds a weak registration there (BRIDGES §1). */
export class BubCall implements Awaited, Deadline {
  readonly topic: string;
  readonly messageId: string;
  at = 0;
  slot = -1;
  readonly #world: BubWorld;
  readonly #session: Session;
  readonly #invocation: Invocation;
  readonly #caller: string | undefined;
  /** Of a call that another bridge has named: its trace begins and ends there. */
  readonly #trace: Trace | undefined;
  readonly #id: number;
  readonly #done: (request: number) => void;
  #target: Target | undefined;

  /** @param done told the request id when it is over */
  constructor(
    world: BubWorld,
    session: Session,
    invocation: Invocation,
    topic: string,
    done: (request: number) => void,
  ) {
    this.#world = world;
    this.#session = session;
    this.#invocation = invocation;
    this.topic = topic;
    this.#done = done;
    this.#id = world.nextId();
    const { caller_authid: caller } = invocation.details;
    this.#caller = typeof caller === 'string' ? caller : undefined;
    const { payload, traceId } = invocation;
    this.#trace = traceOf(payload);
    const known = this.#trace?.messageId ?? envelopeId(payload) ?? traceId;
    this.messageId = known ?? `wamp-${world.realm.ids.random()}`;
  }

  /** @returns why the call cannot be put to this peer: the dealer then tells the caller */
  start(target: Target): Sent {
    const world = this.#world;
    let text: string;
    try {
      text = this.#text(target);
    } catch (error) {
      if (!(error instanceof WampError)) throw error;
      this.#reject(error.message);
      return error.uri;
    }
    const frame = frameOf(
      requestText(this.#id, target.version === 2 ? 'processMessage' : 'sendMessage', this.topic, text),
    );
    if (!Buffer.isBuffer(frame)) {
      this.#reject(frame.reason);
      return frame.uri;
    }
    this.#sender('send_start', 'start', { payloadJson: text });
    this.#process('process_start', target, 'start', '');
    if (!target.post(frame, false)) {
      this.#finish(target, 'error', 'the connection did not take it');
      return ErrorUri.NETWORK_FAILURE;
    }
    this.#target = target;
    target.expect(this.#id, this);
    world.deadlines.add(this, world.rules.processTimeoutMs);
    return true;
  }

  answered(target: Target, answer: Response): void {
    this.#end();
    const { status, error } = outcomeOf(answer);
    this.#finish(target, status, error);
    const { request } = this.#invocation;
    const { realm } = this.#world;
    // What nests deeper no peer of any protocol is sent.
    if (answer.result !== undefined && nesting(answer.text, MAX_NESTING) <= MAX_NESTING) {
      realm.receive(this.#session, {
        type: MessageType.YIELD,
        request,
        options: YIELD_DEFAULTS,
        payload: resultPayload(answer),
      });
      return;
    }
    const { code = -32603, message = error, data = null } = answer.error ?? {};
    this.#fail(BUB_PEER_ERROR, Payload.of([], { code, message, data }));
  }

  /** The dealer answers the caller of a peer that left. */
  gone(target: Target): void {
    this.#end();
    this.#finish(target, 'error', 'the connection was lost');
  }

  expired(): void {
    const target = this.#target;
    if (target === undefined) return;
    this.#end();
    target.forget(this.#id);
    target.silent = true;
    this.#finish(target, 'timeout', 'no answer in time');
    this.#fail(ErrorUri.TIMEOUT, Payload.of(['the peer did not answer in time']));
  }

  /** The caller wants no answer any more. @param answer whether the dealer waits for ours */
  cancel(answer: boolean): void {
    const target = this.#target;
    if (target === undefined) return;
    this.#end();
    target.forget(this.#id);
    this.#finish(target, 'canceled', 'the caller canceled it');
    if (answer) this.#fail(ErrorUri.CANCELED, Payload.of(['the call was canceled']));
  }

  #end(): void {
    this.#target = undefined;
    this.#world.deadlines.remove(this);
    this.#done(this.#invocation.request);
  }

  #fail(error: string, payload: Payload): void {
    const { request } = this.#invocation;
    this.#world.realm.receive(this.#session, {
      type: MessageType.ERROR,
      request,
      details: NO_DETAILS,
      passthru: undefined,
      error,
      payload,
    });
  }

  #finish(target: Target, status: string, error: string): void {
    this.#process('process_finish', target, status, error);
    this.#sender('send_finish', status === 'timeout' || error !== '' ? 'error' : 'ok', { error });
  }

  #reject(reason: string): void {
    this.#sender('send_start', 'start', {});
    this.#sender('send_finish', 'rejected', { error: reason });
  }

  /** What is audited is written down by whoever passed it on. */
  #process(event: 'process_start' | 'process_finish', target: Target, status: string, error: string): void {
    if (this.#invocation.traceId !== undefined) return;
    if (this.#trace !== undefined) this.#trace.recorded += 1;
    this.#world.record(event, this, String(this.#id), target.name, status, { error });
  }

  #sender(
    event: 'send_start' | 'send_finish',
    status: string,
    more: { readonly payloadJson?: string; readonly error?: string },
  ): void {
    if (this.#trace !== undefined || this.#invocation.traceId !== undefined) return;
    this.#world.record(event, this, '', this.#caller ?? 'wamp', status, more);
  }

  /** @throws WampError */
  #text(target: Target): string {
    const { args, kwargs } = this.#invocation.payload.value();
    if (args.length === 0 && kwargs !== undefined) {
      if (target.version === 1) return objectText(kwargs);
      if (envelopeProblem(kwargs) === undefined) {
        const type = String(kwargs.type);
        const allowed =
          !isCanonical(type) || this.#world.mayMemberSend(type, this.#caller, this.#invocation.details.caller);
        if (!allowed) throw new WampError(ErrorUri.NOT_AUTHORIZED, `the caller may not send type ${type}`);
        return objectText(kwargs);
      }
    }
    const envelope = wrap('wamp_call', 0, this.#caller, this.#world.clock.now(), { args, kwargs });
    return objectText({ ...envelope, messageId: this.messageId });
  }
}

/** The result as the text that came, with all digits of its numbers. */
function resultPayload({ result, text }: Response): Payload {
  const span = members(text, 0, ['result']).spans[0];
  if (span === undefined || result === undefined || Object.keys(result).length === 0) return Payload.EMPTY;
  return Payload.raw(json, { bytes: Buffer.from(`[],${text.slice(span.start, span.end)}`), elements: 2 });
}
