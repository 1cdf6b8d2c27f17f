/**
 * Payload passthru mode (FEATURES D10; spec: "Payload Passthru Mode"): payloads that only their two ends can read. The
 * router copies what is said of them, and does not look into them. Both ends and the router must have announced it.
 */
import { WampError } from '../wamp/errors.ts';
import { MessageType, NO_DETAILS, type RoutedMessage } from '../wamp/messages.ts';
import { PASSTHRU_KEYS, type Passthru } from '../wamp/options.ts';
import type { Dict, Payload, PayloadValue } from '../wamp/payload.ts';
import type { Session } from './session.ts';

const NAMES: Readonly<Record<number, string>> = {
  [MessageType.PUBLISH]: 'PUBLISH',
  [MessageType.CALL]: 'CALL',
  [MessageType.YIELD]: 'YIELD',
  [MessageType.ERROR]: 'ERROR',
};

/** `details` with what is said of the payload. @param passthru undefined: an ordinary payload */
export function withPassthru(details: Dict, passthru: Passthru | undefined): Dict {
  if (passthru === undefined) return details;
  return details === NO_DETAILS ? passthru : Object.freeze({ ...details, ...passthru });
}

/**
 * What is wrong with a message in this mode; undefined: nothing. An ERROR may have any payload: clients answer what they
 * could not decode with the details that came with it and a sentence, and no caller may bring a callee down so.
 * @param feature bit that the sender must have announced
 */
export function passthruProblem(
  session: Session,
  message: RoutedMessage,
  passthru: Passthru,
  feature: number,
): string | undefined {
  const name = NAMES[message.type] ?? '';
  if (!session.has(feature)) return `${name}: ppt_scheme without having announced payload_passthru_mode`;
  if (message.type === MessageType.ERROR || !('payload' in message)) return undefined;
  return isOneItem(passthru, message.payload) ? undefined : `${name}: with ppt_scheme one binary argument expected`;
}

/**
 * Whether a payload has the shape that the mode demands: one argument and nothing else. Where it was serialized or
 * encrypted before it came that is binary; else the session's serializer says it as any other value ("native").
 */
export function isOneItem(passthru: Passthru, payload: Payload): boolean {
  const { ppt_serializer: serializer = 'native', ppt_cipher: cipher } = passthru;
  const isBinary = serializer !== 'native' || cipher !== undefined;
  let value: PayloadValue;
  try {
    value = payload.value();
  } catch (error) {
    if (!(error instanceof WampError)) throw error;
    // Something that one encoding only can say: no binary, and the receiver's own matter.
    return !isBinary;
  }
  const { args, kwargs } = value;
  if (args.length !== 1 || (kwargs !== undefined && Object.keys(kwargs).length > 0)) return false;
  return !isBinary || ArrayBuffer.isView(args[0]);
}

/** What is left of an ERROR's details for a caller that could not read the payload. */
export function withoutPassthru(details: Dict): Dict {
  const rest = Object.entries(details).filter(([key]) => !PASSTHRU_KEYS.some((each) => each === key));
  return rest.length === 0 ? NO_DETAILS : Object.freeze(Object.fromEntries(rest));
}
