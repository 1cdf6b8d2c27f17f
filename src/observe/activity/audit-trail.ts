/** What `audit: true` rules write into the activity log: WAMP publications and calls, as bridges write their messages. */

import type { ActivityEvent, ActivitySink } from '../../adapters/activity.ts';
import type { Auditor, CallTrail, PublicationTrail } from '../../router/audit.ts';
import type { Sent } from '../../router/peer.ts';
import type { Session } from '../../router/session.ts';
import { ErrorUri } from '../../wamp/errors.ts';
import { type Call, MessageType, type Publish, type Receipt } from '../../wamp/messages.ts';
import { auditText, messageIdOf } from './audit-text.ts';

/** Rows of a message beside those of its targets, and of each target. */
const OWN_ROWS = 2;
const ROWS_PER_TARGET = 2;

/** @param sink asked for with each message: it is there when the router has started */
export function activityAuditor(sink: () => ActivitySink): Auditor {
  return {
    reserve: (targets, ready) => sink().reserve(rowsFor(targets), ready),
    release: (targets) => sink().release(rowsFor(targets)),
    denied(session, message, id, reason, targets) {
      const trace = new Trace(sink(), session, message, `wamp-${id}`, targets);
      trace.finish('rejected', reason);
    },
    published: (session, message, publication, targets) =>
      new PublicationTrace(new Trace(sink(), session, message, `wamp-${publication}`, targets)),
    called: (session, message, id) => new CallTrace(new Trace(sink(), session, message, `wamp-${id}`, 1)),
  };
}

function rowsFor(targets: number): number {
  return OWN_ROWS + ROWS_PER_TARGET * targets;
}

/** The rows of one message. */
class Trace {
  readonly messageId: string;
  readonly #sink: ActivitySink;
  readonly #actor: string;
  readonly #topic: string;
  readonly #rpcId: string;
  /** Reserved and neither recorded nor given back; below 0: a call went on to further callees. */
  #room: number;

  /** Records `send_start`. @param id its messageId where the payload has none */
  constructor(sink: ActivitySink, session: Session, message: Publish | Call, id: string, targets: number) {
    this.#sink = sink;
    this.#actor = session.identity.authid;
    this.#topic = message.type === MessageType.PUBLISH ? message.topic : message.procedure;
    this.#rpcId = String(message.request);
    this.#room = rowsFor(targets);
    this.messageId = messageIdOf(message.payload) ?? id;
    this.record('send_start', this.#actor, this.#rpcId, 'start', '', auditText(message.payload));
  }

  record(
    event: ActivityEvent,
    actor: string,
    rpcId: string,
    status: string,
    error: string,
    payloadJson?: string | undefined,
  ): void {
    this.#room -= 1;
    const { messageId } = this;
    this.#sink.record({ event, messageId, rpcId, actor, topic: this.#topic, status, payloadJson, error });
  }

  /** A target writes so many rows itself. */
  cede(rows: number): void {
    this.#room -= rows;
  }

  finish(status: string, error: string): void {
    this.record('send_finish', this.#actor, this.#rpcId, status, error);
    if (this.#room > 0) this.#sink.release(this.#room);
  }
}

class PublicationTrace implements PublicationTrail {
  readonly #trace: Trace;
  /** Peers that write their own rows, by session id: all, and those that have not settled. */
  readonly #confirming = new Set<number>();
  readonly #open = new Set<number>();
  /** What is being handed over is no news to its peer. */
  #isRepeated = false;
  #handedOut = false;
  #taken = 0;
  #refusal = '';

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  get traceId(): string {
    return this.#trace.messageId;
  }

  handing(session: Session): void {
    if (session.peer.traces !== true) {
      this.#trace.record('process_start', session.identity.authid, '', 'start', '');
    } else if (!this.#confirming.has(session.id)) {
      // Such a peer gets a publication once, however many of its subscriptions match.
      this.#confirming.add(session.id);
      this.#open.add(session.id);
      this.#trace.cede(ROWS_PER_TARGET);
    } else {
      this.#isRepeated = true;
    }
  }

  handed(session: Session, sent: Sent): void {
    if (this.#isRepeated) {
      this.#isRepeated = false;
      return;
    }
    if (sent === true) this.#taken += 1;
    else this.#refusal = sent;
    if (session.peer.traces === true) {
      if (sent === true) return;
      this.#open.delete(session.id);
      // It may have written one row only. Room given back once too often lets in one row more, kept for ever it is lost.
      this.#trace.cede(-1);
      return;
    }
    // WAMP subscribers confirm nothing: that their connection took the event is all there is to know.
    const error = sent === true ? '' : sent;
    this.#trace.record('process_finish', session.identity.authid, '', error === '' ? 'ok' : 'error', error);
  }

  handedOut(): void {
    this.#handedOut = true;
    this.#finishWhenDone();
  }

  settle({ session }: Receipt): void {
    if (this.#open.delete(session)) this.#finishWhenDone();
  }

  #finishWhenDone(): void {
    if (!this.#handedOut || this.#open.size > 0) return;
    const lost = this.#taken === 0 && this.#refusal !== '';
    this.#trace.finish(lost ? 'error' : 'ok', lost ? this.#refusal : '');
  }
}

class CallTrace implements CallTrail {
  readonly #trace: Trace;
  /** Who works on it, and under which INVOCATION.Request. */
  #callee: { readonly authid: string; readonly rpcId: string } | undefined;
  #ended = false;

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  get traceId(): string {
    return this.#trace.messageId;
  }

  offered({ identity }: Session, invocation: number): void {
    this.#callee = { authid: identity.authid, rpcId: String(invocation) };
    this.#trace.record('process_start', identity.authid, this.#callee.rpcId, 'start', '');
  }

  passed(error: string): void {
    const callee = this.#callee;
    this.#callee = undefined;
    if (callee !== undefined) this.#trace.record('process_finish', callee.authid, callee.rpcId, statusOf(error), error);
  }

  ended(error: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.passed(error);
    this.#trace.finish(error === '' ? 'ok' : 'error', error);
  }
}

function statusOf(error: string): string {
  if (error === '') return 'ok';
  if (error === ErrorUri.TIMEOUT) return 'timeout';
  return error === ErrorUri.CANCELED ? 'canceled' : 'error';
}
