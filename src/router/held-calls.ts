import type { Call } from '../wamp/messages.ts';
import type { PendingCall } from './pending-calls.ts';

/** Bound of what the calls of a realm keep for other callees; a session may have thousands pending. */
const MAX_HELD_BYTES = 67_108_864;

/** The CALLs of a realm that are kept because another callee may have to be asked: how much memory they take. */
export class HeldCalls {
  #bytes = 0;

  /** Keeps the CALL. @returns false beyond the bound: then nothing is kept */
  hold(call: PendingCall, message: Call): boolean {
    if (call.message !== undefined) return true;
    if (!this.#take(call, message)) return false;
    call.message = message;
    return true;
  }

  /** Keeps a further part of a call that waits. @returns false beyond the bound */
  holdPart(call: PendingCall, part: Call): boolean {
    if (!this.#take(call, part)) return false;
    part.payload.slim();
    call.stream?.parts.push(part);
    return true;
  }

  /** Idempotent. */
  release(call: PendingCall): void {
    if (call.message === undefined && call.held === 0) return;
    this.#bytes -= call.held;
    call.held = 0;
    call.message = undefined;
  }

  #take(call: PendingCall, message: Call): boolean {
    const bytes = message.payload.heldBytes;
    if (this.#bytes + bytes > MAX_HELD_BYTES) return false;
    this.#bytes += bytes;
    call.held += bytes;
    return true;
  }
}
