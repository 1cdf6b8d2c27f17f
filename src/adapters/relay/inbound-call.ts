import { randomUUID } from 'node:crypto';
import type { Deadline } from '../../router/deadlines.ts';
import type { Sent } from '../../router/peer.ts';
import type { Session } from '../../router/session.ts';
import { ErrorUri, WampError } from '../../wamp/errors.ts';
import { type Invocation, MessageType, NO_DETAILS } from '../../wamp/messages.ts';
import { YIELD_DEFAULTS } from '../../wamp/options.ts';
import { Payload } from '../../wamp/payload.ts';
import { beginTrace, type Trace, traceOf } from '../trace.ts';
import { inboundCallText } from './frames.ts';
import { argsPayload, calledText, failurePayload, loggedText, RELAY_AGENT_ERROR } from './mapping.ts';
import type { RelayPeer } from './peer.ts';
import type { RelayWorld } from './world.ts';

/** A call that an agent is to answer: it holds the weak registration of everything below its name (BRIDGES §2). */
export class InboundCall implements Deadline {
  /** By this the agent answers; nobody else is told it. */
  readonly correlationId = randomUUID();
  readonly topic: string;
  at = 0;
  slot = -1;
  readonly #world: RelayWorld;
  readonly #session: Session;
  readonly #invocation: Invocation;
  readonly #peer: RelayPeer;
  readonly #caller: string;
  readonly #trace: Trace;
  /** Whether the trace of the call is another bridge's to begin and end. */
  readonly #isTraced: boolean;
  readonly #over: (call: InboundCall) => void;

  /** @param over told when it is over, whoever ended it */
  constructor(
    world: RelayWorld,
    session: Session,
    invocation: Invocation,
    peer: RelayPeer,
    over: (call: InboundCall) => void,
  ) {
    this.#world = world;
    this.#session = session;
    this.#invocation = invocation;
    this.#peer = peer;
    this.#over = over;
    const { details, payload, traceId } = invocation;
    const { caller_authid: caller, procedure } = details;
    this.topic = typeof procedure === 'string' ? procedure : `${peer.name}.`;
    // Agents know each other by name, whatever the rules disclose to others.
    this.#caller = world.spoken(payload)?.name ?? (typeof caller === 'string' ? caller : 'wamp');
    const known = traceOf(payload);
    this.#isTraced = known !== undefined || traceId !== undefined;
    this.#trace = known ?? beginTrace(payload, traceId ?? `wamp-${world.realm.ids.random()}`);
  }

  get request(): number {
    return this.#invocation.request;
  }

  get messageId(): string {
    return this.#trace.messageId;
  }

  /** @returns why the call cannot be put to this agent: the dealer then tells the caller */
  start(): Sent {
    const world = this.#world;
    const { payload } = this.#invocation;
    let text: string;
    try {
      text = world.spoken(payload)?.payload ?? calledText(payload);
      if (!this.#isTraced)
        world.record('send_start', this, '', this.#caller, 'start', { payloadJson: loggedText(payload) });
    } catch (error) {
      if (!(error instanceof WampError)) throw error;
      if (!this.#isTraced) world.record('send_start', this, '', this.#caller, 'start');
      this.#sendFinish('rejected', error.message);
      return error.uri;
    }
    const { name } = this.#peer;
    const method = this.topic.slice(name.length + 1);
    this.#process('process_start', 'start', '');
    if (!this.#peer.post(Buffer.from(inboundCallText(this.correlationId, this.#caller, method, text)), false)) {
      this.#finish('error', 'the connection did not take it');
      return ErrorUri.NETWORK_FAILURE;
    }
    world.deadlines.add(this, world.rules.callTimeoutMs);
    return true;
  }

  /** @param payload JSON text; undefined: none */
  succeed(payload: string | undefined): void {
    this.#end('ok', '');
    const value = payload === undefined ? Payload.EMPTY : argsPayload(payload);
    this.#world.speaks(value, { name: this.#peer.name, payload: payload ?? '""' });
    this.#world.realm.receive(this.#session, {
      type: MessageType.YIELD,
      request: this.request,
      options: YIELD_DEFAULTS,
      payload: value,
    });
  }

  /** @param payload JSON text; undefined: none */
  fail(error: string, payload: string | undefined): void {
    this.#end('error', error === '' ? 'the agent failed' : error);
    const value = failurePayload(error, payload);
    this.#world.speaks(value, { name: this.#peer.name, payload: payload ?? '""' });
    this.#error(RELAY_AGENT_ERROR, value);
  }

  /** The dealer answers the caller of an agent that left. */
  gone(): void {
    this.#end('error', 'the connection was lost');
  }

  expired(): void {
    this.#end('timeout', 'no answer in time');
    this.#error(ErrorUri.TIMEOUT, Payload.of(['the agent did not answer in time']));
  }

  /**
   * The caller wants no answer any more, or its own time is over, which may be the same moment as ours.
   * @param answer whether the dealer waits for ours
   */
  cancel(answer: boolean): void {
    if (this.#world.clock.now() >= this.at) this.#end('timeout', 'no answer in time');
    else this.#end('canceled', 'the caller canceled it');
    if (answer) this.#error(ErrorUri.CANCELED, Payload.of(['the call was canceled']));
  }

  #end(status: string, error: string): void {
    this.#world.deadlines.remove(this);
    this.#over(this);
    this.#finish(status, error);
  }

  #error(error: string, payload: Payload): void {
    const { request } = this;
    this.#world.realm.receive(this.#session, {
      type: MessageType.ERROR,
      request,
      details: NO_DETAILS,
      error,
      payload,
      passthru: undefined,
    });
  }

  #finish(status: string, error: string): void {
    this.#process('process_finish', status, error);
    this.#sendFinish(status === 'ok' ? 'ok' : 'error', error);
  }

  #process(event: 'process_start' | 'process_finish', status: string, error: string): void {
    // What is audited is written down by whoever passed it on.
    if (this.#invocation.traceId !== undefined) return;
    this.#trace.recorded += 1;
    this.#world.record(event, this, this.correlationId, this.#peer.name, status, { error });
  }

  #sendFinish(status: string, error: string): void {
    if (!this.#isTraced) this.#world.record('send_finish', this, '', this.#caller, status, { error });
  }
}
