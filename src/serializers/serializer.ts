import type { ClientMessage, RouterMessage } from '../wamp/messages.ts';
import type { PayloadCodec } from '../wamp/payload.ts';

/**
 * Deepest nesting of arrays and maps in a message, the outer array counted; deeper is a protocol violation in every
 * encoding, so that no recursion over a message or value can exhaust the stack (PITFALLS 75).
 */
export const MAX_DEPTH = 256;

/** One encoding of WAMP messages. Stateless; one instance serves all connections. */
export interface Serializer extends PayloadCodec {
  /** For people and metrics: `json`, `msgpack`, `cbor`. */
  readonly name: string;
  /** WebSocket subprotocol, e.g. `wamp.2.json`. */
  readonly subprotocol: string;
  /** RawSocket serializer number (PITFALLS 89). */
  readonly rawSocketId: number;
  /** Whether its messages travel in binary WebSocket frames (PITFALLS 77). */
  readonly binary: boolean;
  /**
   * Reads one whole message. Header fields are checked by `wamp/layout.ts`; the payload is proven well-formed to its
   * end and kept as bytes (`Payload.raw`). `bytes` must not be changed afterwards.
   * @throws ProtocolViolation for anything that is not one legal message of a client
   */
  decode(bytes: Buffer): ClientMessage;
  /**
   * The message as bytes; an Event's frame is made once and kept in `event.frames[index]`.
   * @throws WampError `invalid_argument` where the payload cannot be said in this encoding
   */
  encode(message: RouterMessage): Buffer;
  /**
   * The message as pieces that make up what `encode` gives, where its payload is so long that copying it would cost more
   * than everything else: the payload's piece is then the bytes that came. For messages to one receiver.
   * @returns undefined: short, or an EVENT, whose frame all receivers share
   * @throws as `encode`
   */
  pieces(message: RouterMessage): readonly Buffer[] | undefined;
}

/** From here on a payload is not copied; a piece may keep alive the whole read that it came with, so not far below. */
export const LONG_BYTES = 8192;
