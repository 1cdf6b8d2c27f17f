/**
 * From what stands behind a header to a {@link Payload}: one rule for all encodings about what is absent, empty or
 * forwarded as it came (PITFALLS 26, 31).
 */
import type { ClientLayout } from '../wamp/layout.ts';
import { MessageType, type RouterMessage } from '../wamp/messages.ts';
import { Payload, type PayloadCodec, type PayloadValue } from '../wamp/payload.ts';
import { LONG_BYTES } from './serializer.ts';

/** One of args and kwargs as found in a message: the bytes from `start` up to `end`. */
export interface Part {
  readonly start: number;
  readonly end: number;
  /** `absent`: not there, or null, which old clients send for absent. `empty`: `[]` or `{}`. */
  readonly state: 'absent' | 'empty' | 'filled';
}

export const ABSENT: Part = { start: 0, end: 0, state: 'absent' };

/**
 * The payload whose parts were proven well-formed. Bytes are forwarded as they came; only kwargs after a null args get
 * an empty list put before them, because null must not reach a receiver in the place of args.
 *
 * @param emptyArgs an empty args list in this encoding, with the separator that kwargs follow
 * @param parsed what proving the parts made of them in passing
 */
export function payloadFrom(
  codec: PayloadCodec,
  bytes: Buffer,
  args: Part,
  kwargs: Part,
  emptyArgs: Buffer,
  parsed?: PayloadValue,
): Payload {
  if (kwargs.state !== 'filled') {
    if (args.state !== 'filled') return Payload.EMPTY;
    return Payload.raw(codec, { bytes: bytes.subarray(args.start, args.end), elements: 1 }, parsed);
  }
  const tail =
    args.state === 'absent'
      ? Buffer.concat([emptyArgs, bytes.subarray(kwargs.start, kwargs.end)])
      : bytes.subarray(args.start, kwargs.end);
  return Payload.raw(codec, { bytes: tail, elements: 2 }, parsed);
}

/**
 * Calls `read`; where that fails a fault of the header comes first. So an option that changes what the payload is (the
 * retired `enc_algo`) is named, rather than the payload that follows from it.
 * @throws ProtocolViolation
 */
export function readPayload(layout: ClientLayout, head: readonly unknown[], read: () => Payload): Payload {
  try {
    return read();
  } catch (error) {
    layout.build(head, Payload.EMPTY);
    throw error;
  }
}

/** The payload of a message to one receiver that may be long enough for {@link Serializer.pieces}. */
export function longPayload(message: RouterMessage): Payload | undefined {
  if (message.type === MessageType.EVENT || !('payload' in message)) return undefined;
  const { payload } = message;
  return payload.heldBytes < LONG_BYTES ? undefined : payload;
}
