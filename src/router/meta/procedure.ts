import type { CloseReason, WampError } from '../../wamp/errors.ts';
import type { Publish } from '../../wamp/messages.ts';
import type { PayloadValue } from '../../wamp/payload.ts';
import type { Match } from '../../wamp/uri.ts';
import type { Series } from '../history.ts';
import type { Session } from '../session.ts';
import { Arguments } from './arguments.ts';
import type { Directory } from './directory.ts';
import type { Testaments } from './testament.ts';

/** What meta procedures may do beside reading. */
export interface MetaContext {
  readonly directory: Directory;
  readonly testaments: Testaments;
  /**
   * Ends sessions; those that are gone already are passed over.
   * @param silent whether nobody is told that they left, and their testaments are forgotten
   */
  kill(sessions: readonly number[], reason: CloseReason, silent: boolean): void;
  /** Whether that session may publish this; a promise where the dynamic authorizer has to be asked. */
  refusal(session: Session, message: Publish): Refusal | Promise<Refusal>;
  /** Likewise, whether it may subscribe there. */
  subscribeRefusal(session: Session, topic: string, match: Match): Promise<Refusal>;
  /** Where events of the past are, and how much one answer may take, bytes. */
  history(): { readonly series: readonly Series[]; readonly maxBytes: number };
}

/** undefined: it may. */
export type Refusal = WampError | undefined;

/** One call of a meta procedure. The caller is known to the procedure whether or not it is disclosed. */
export interface MetaCall {
  readonly caller: Session;
  readonly args: Arguments;
  readonly payload: PayloadValue;
}

/** Positional results. A promise answers later: its caller may have left by then. */
export type MetaAnswer = readonly unknown[] | Promise<readonly unknown[]>;

/** @throws WampError for the caller */
export type MetaFunction = (call: MetaCall, context: MetaContext) => MetaAnswer;

/** A line of the table: a function, and how many positional arguments it takes. */
export interface MetaProcedure {
  readonly run: MetaFunction;
  readonly least: number;
  readonly most: number;
}

/** @param most as many as `least` where it is absent */
export function takes(least: number, run: MetaFunction, most = least): MetaProcedure {
  return { run, least, most };
}

/** @throws WampError for the caller */
export function invoke(
  procedure: MetaProcedure,
  caller: Session,
  payload: PayloadValue,
  context: MetaContext,
): MetaAnswer {
  const args = new Arguments(payload, procedure.least, procedure.most);
  return procedure.run({ caller, args, payload }, context);
}
