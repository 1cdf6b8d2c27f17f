import type { Call } from '../wamp/messages.ts';
import { NO_DETAILS } from '../wamp/messages.ts';
import type { Dict } from '../wamp/payload.ts';

/** What a call has beside others when its caller sends it in parts (spec: "Progressive Call Invocations"). */
export class CallStream {
  readonly procedure: string;
  /** Whether the rules want every part's payload judged before it is passed on. */
  readonly isJudged: boolean;
  /** The last part has come; the id now stands for a call like any other. */
  hasEnded = false;
  /** A second part has reached a callee, so no other one can begin again. */
  continued = false;
  /** Parts that came while the call waited for a callee, in order. */
  readonly parts: Call[] = [];
  /** INVOCATION.Details of every part but the last: those of the first, for its options are frozen. */
  details: Dict = NO_DETAILS;
  /** INVOCATION.Details of the last part. */
  lastDetails: Dict = NO_DETAILS;

  constructor(procedure: string, isJudged: boolean) {
    this.procedure = procedure;
    this.isJudged = isJudged;
  }
}
