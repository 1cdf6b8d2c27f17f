/**
 * One message in the activity log, whichever bridges it passes: whoever sends it over a bridge, or is the first to hand it on
 * to a bridge's peer, names it and records `send_start` and `send_finish`; all others add the rows of their targets
 * under that name.
 */
import type { Payload } from '../wamp/payload.ts';

export class Trace {
  readonly messageId: string;
  /** Rows that others than the sender's bridge have added, for what it has reserved. */
  recorded = 0;

  constructor(messageId: string) {
    this.messageId = messageId;
  }
}

/** What a message is called; undefined: nobody has named it, or it is empty and has nothing of its own. */
export function traceOf(payload: Payload): Trace | undefined {
  const { companion } = payload;
  return companion instanceof Trace ? companion : undefined;
}

/** The core hands a payload on as it is, so it is what all who meet a message have in common. */
export function beginTrace(payload: Payload, messageId: string): Trace {
  const trace = new Trace(messageId);
  // The empty one is shared by all messages.
  if (!payload.isEmpty) payload.companion = trace;
  return trace;
}
