/**
 * The messages that are sent most, written as JSON straight into their bytes where their header has nothing but numbers
 * to say: making text of a random id of 53 bits takes the engine a microsecond. Twin in the tests: `JSON.stringify`.
 *
 * Fenced for speed (ARCHITECTURE §1.6).
 */
import { MAX_ID } from '../wamp/ids.ts';
import { MessageType, NO_DETAILS, type RouterMessage } from '../wamp/messages.ts';

const COMMA = 0x2c;
const ZERO = 0x30;
const OPEN_LIST = 0x5b;
const CLOSE_LIST = 0x5d;
const OPEN_MAP = 0x7b;
const CLOSE_MAP = 0x7d;

/** The lower digits of a number; what is above them fits 32 bits as well. */
const LOWER = 1e8;
const LOWER_DIGITS = 8;

/**
 * The whole message, or undefined where its header says more than numbers.
 * @param payload args and kwargs with the comma between; empty where there are none
 */
export function usualFrame(message: RouterMessage, payload: Buffer): Buffer | undefined {
  switch (message.type) {
    case MessageType.EVENT:
      if (message.details !== NO_DETAILS) return undefined;
      return frame(message.type, message.subscription, message.publication, true, payload);
    case MessageType.RESULT:
      return message.details === NO_DETAILS
        ? frame(message.type, message.request, undefined, true, payload)
        : undefined;
    case MessageType.INVOCATION:
      if (message.details !== NO_DETAILS) return undefined;
      return frame(message.type, message.request, message.registration, true, payload);
    case MessageType.PUBLISHED:
      return frame(message.type, message.request, message.publication, false, payload);
    default:
      return undefined;
  }
}

/** `[type,first,second,{},payload]`, of which `second`, `{}` and the payload may be missing. */
function frame(
  type: number,
  first: number,
  second: number | undefined,
  details: boolean,
  payload: Buffer,
): Buffer | undefined {
  if (!isId(first) || (second !== undefined && !isId(second))) return undefined;
  const firstAt = 4;
  const secondAt = firstAt + countDigits(first) + 1;
  const detailsAt = second === undefined ? secondAt : secondAt + countDigits(second) + 1;
  const payloadAt = details ? detailsAt + 3 : detailsAt;
  const bytes = Buffer.allocUnsafe(payload.length === 0 ? payloadAt : payloadAt + payload.length + 1);
  bytes[0] = OPEN_LIST;
  writeDigits(bytes, 1, firstAt - 1, type);
  bytes[firstAt - 1] = COMMA;
  writeDigits(bytes, firstAt, secondAt - 1, first);
  bytes[secondAt - 1] = COMMA;
  if (second !== undefined) {
    writeDigits(bytes, secondAt, detailsAt - 1, second);
    bytes[detailsAt - 1] = COMMA;
  }
  if (details) {
    bytes[detailsAt] = OPEN_MAP;
    bytes[detailsAt + 1] = CLOSE_MAP;
    bytes[payloadAt - 1] = COMMA;
  }
  if (payload.length > 0) bytes.set(payload, payloadAt);
  // In the place of the last comma where no payload follows it.
  bytes[bytes.length - 1] = CLOSE_LIST;
  return bytes;
}

function isId(value: number): boolean {
  return value >= 0 && value <= MAX_ID && Number.isInteger(value);
}

function countDigits(value: number): number {
  let digits = 1;
  for (let power = 10; power <= value; power *= 10) digits++;
  return digits;
}

/** Writes the digits of an id of `end - at` digits. */
function writeDigits(bytes: Buffer, at: number, end: number, value: number): void {
  if (value < LOWER) {
    writeShort(bytes, at, end, value);
    return;
  }
  const upper = Math.floor(value / LOWER);
  writeShort(bytes, at, end - LOWER_DIGITS, upper);
  writeShort(bytes, end - LOWER_DIGITS, end, value - upper * LOWER);
}

function writeShort(bytes: Buffer, at: number, end: number, value: number): void {
  let left = value | 0;
  for (let i = end - 1; i >= at; i--) {
    const tenth = (left / 10) | 0;
    bytes[i] = ZERO + left - tenth * 10;
    left = tenth;
  }
}
