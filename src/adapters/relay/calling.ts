import { randomUUID } from 'node:crypto';
import type { Allowed } from '../../router/authorization.ts';
import { ErrorUri, WampError } from '../../wamp/errors.ts';
import { MessageType, type RouterMessage } from '../../wamp/messages.ts';
import { CALL_DEFAULTS } from '../../wamp/options.ts';
import type { Payload } from '../../wamp/payload.ts';
import { isValidUri } from '../../wamp/uri.ts';
import { shown } from '../text.ts';
import { beginTrace, type Trace } from '../trace.ts';
import { bad, callResultText, correlationField, type Frame, jsonField, textField } from './frames.ts';
import { argsPayload, failureText, fullName, loggedText, RELAY_AGENT_ERROR, resultText } from './mapping.ts';
import type { Joined } from './peer.ts';

/** Rows of one call in the activity log. */
export const CALL_ROWS = 4;

interface Answer {
  readonly success: boolean;
  /** JSON text. */
  readonly payload: string;
  /** Empty where it succeeded. */
  readonly error: string;
}

/** One call of an agent, until it has its `call_result` (BRIDGES §2). */
export class Calling {
  readonly topic: string;
  readonly messageId: string;
  readonly #joined: Joined;
  readonly #name: string;
  /** JSON text of the id that the agent knows the call by. */
  readonly #id: string;
  readonly #payload: Payload;
  readonly #trace: Trace;
  readonly #answer: (text: string) => void;
  /** A callee that is no bridge's, whose rows are ours to record. */
  #callee: string | undefined;
  #isAsked = false;
  #early: RouterMessage | undefined;
  #rows = 0;

  /**
   * @param name of the agent that calls
   * @param answer gets the `call_result`, once
   * @throws RelayError naming the field that is wrong
   */
  constructor(frame: Frame, joined: Joined, name: string, answer: (text: string) => void) {
    this.topic = `${fullName(textField(frame, 'to'))}.${textField(frame, 'method')}`;
    if (!isValidUri(this.topic, 'exact', false)) {
      throw bad(`to, method: ${shown(this.topic)} is no legal procedure: no spaces, no #, no empty part between dots`);
    }
    this.#id = correlationField(frame) ?? JSON.stringify(randomUUID());
    this.messageId = String(JSON.parse(this.#id));
    this.#joined = joined;
    this.#name = name;
    this.#answer = answer;
    const text = jsonField(frame, 'payload');
    this.#payload = argsPayload(text);
    joined.world.speaks(this.#payload, { name, payload: text ?? '""' });
    this.#trace = beginTrace(this.#payload, this.messageId);
  }

  /**
   * Routes it; {@link CALL_ROWS} rows have been reserved.
   * @param asked called when it is known whether it may be made: what comes after it may go on
   */
  begin(asked: () => void): void {
    const { realm, session } = this.#joined.member;
    this.#record('send_start', this.#name, 'start', '', loggedText(this.#payload));
    realm.ask(session, 'call', this.topic, 'exact', (verdict) => {
      if (verdict instanceof WampError) {
        this.#finish({ success: false, payload: '""', error: `${verdict.uri}: ${verdict.message}` });
      } else this.#put(verdict);
      asked();
    });
  }

  #put(allowed: Allowed): void {
    const { world, member } = this.#joined;
    // Other callees have as long as agents have: nobody waits for ever.
    const options = { ...CALL_DEFAULTS, timeout: world.rules.callTimeoutMs };
    const request = member.call(
      (id) => ({ type: MessageType.CALL, request: id, options, procedure: this.topic, payload: this.#payload }),
      allowed,
      (answer) => {
        if (this.#isAsked) this.#answered(answer);
        else this.#early = answer;
      },
    );
    this.#isAsked = true;
    const pending = member.session.calls.get(request);
    const early = this.#early;
    const wasTaken = pending !== undefined || early?.type === MessageType.RESULT;
    if (wasTaken && pending?.callee?.bridged !== true) {
      this.#callee = pending?.callee?.identity.authid ?? this.topic;
      this.#record('process_start', this.#callee, 'start', '');
    }
    if (early !== undefined) this.#answered(early);
  }

  #answered(message: RouterMessage): void {
    const answer = this.#read(message);
    const uri = message.type === MessageType.ERROR ? message.error : '';
    if (this.#callee !== undefined) {
      const status = answer.success ? 'ok' : uri === ErrorUri.TIMEOUT ? 'timeout' : 'error';
      this.#record('process_finish', this.#callee, status, answer.error);
    }
    this.#finish(answer);
  }

  #finish({ success, payload, error }: Answer): void {
    this.#record('send_finish', this.#name, success ? 'ok' : 'error', error);
    const spare = CALL_ROWS - this.#rows - this.#trace.recorded;
    if (spare > 0) this.#joined.world.activity.release(spare);
    this.#answer(callResultText(this.#id, success, payload, error));
  }

  #read(message: RouterMessage): Answer {
    const { world } = this.#joined;
    if (message.type !== MessageType.RESULT && message.type !== MessageType.ERROR) {
      return { success: false, payload: '""', error: 'an answer that is none' };
    }
    const spoken = world.spoken(message.payload);
    try {
      if (message.type === MessageType.RESULT) {
        return { success: true, payload: spoken?.payload ?? resultText(message.payload), error: '' };
      }
      const isAgents = spoken !== undefined && message.error === RELAY_AGENT_ERROR;
      const error = isAgents ? String(message.payload.value().args[0]) : failureText(message.error, message.payload);
      return { success: false, payload: spoken?.payload ?? '""', error };
    } catch (error) {
      if (!(error instanceof WampError)) throw error;
      return { success: false, payload: '""', error: `${error.uri}: ${error.message}` };
    }
  }

  #record(
    event: Parameters<Joined['world']['record']>[0],
    actor: string,
    status: string,
    error: string,
    payloadJson?: string,
  ): void {
    this.#rows += 1;
    this.#joined.world.record(event, this, this.messageId, actor, status, { error, payloadJson });
  }
}
