/** What a peer's `sendMessage` says, checked; and the two methods of the first v1 programs that say the same. */
import { isDict } from '../../wamp/features.ts';
import type { Dict } from '../../wamp/payload.ts';
import { members, nesting } from '../json-spans.ts';
import { MAX_FRAME_BYTES, MAX_NESTING, shown } from '../text.ts';
import { envelopeProblem } from './envelope.ts';
import { field, invalidParams, type Request, RpcError, requestText, textField } from './jsonrpc.ts';
import { topicProblem } from './mapping.ts';
import { maySend } from './roles.ts';
import type { Version } from './target.ts';

export interface Outgoing {
  readonly topic: string;
  /** Empty in v1 where the payload names none. */
  readonly messageId: string;
  /** JSON text of the payload, as it came. */
  readonly text: string;
  readonly payload: Dict;
}

export interface Sender {
  readonly version: Version;
  /** clientId: the role is in it (bub-v2 9). */
  readonly name: string;
  readonly allowOther: boolean;
  readonly maxMessageBytes: number;
}

/** @throws RpcError saying which field is wrong, or what may not be sent */
export function readOutgoing(request: Request, sender: Sender): Outgoing {
  const { topic, payload, text } = request.method === 'sendMessage' ? readSend(request) : readAlias(request);
  const wrongTopic = topicProblem(topic);
  if (wrongTopic !== undefined) throw invalidParams(`Invalid params: ${wrongTopic}`);
  if (sender.version === 2) checkEnvelope(payload, sender);
  // Who reads the first of two equal keys must not read another message than the one that was judged.
  if (members(text, 0, []).count !== Object.keys(payload).length) {
    throw invalidParams('Invalid params: payload: a member stands in it twice');
  }
  checkSize(topic, text, sender);
  const { messageId } = payload;
  return { topic, payload, text, messageId: typeof messageId === 'string' ? messageId : '' };
}

function readSend(request: Request) {
  const topic = textField(request.params, 'topic');
  const payload = field(request.params, 'payload');
  if (!isDict(payload)) throw invalidParams('Invalid params: payload: an object expected');
  const span = members(request.text, request.paramsAt?.start ?? 0, ['payload']).spans[0];
  if (span === undefined) throw new RpcError(-32603, 'Internal error: the payload was not found again');
  return { topic, payload, text: request.text.slice(span.start, span.end) };
}

/** `publishInbound {channel, senderId, chatId, content}` and `publishOutbound {channel, chatId, content}`. */
function readAlias({ method, params }: Request) {
  const inbound = method === 'publishInbound';
  const names = inbound ? ['channel', 'senderId', 'chatId', 'content'] : ['channel', 'chatId', 'content'];
  const payload: Record<string, string> = {};
  for (const name of names) {
    const value = field(params, name);
    if (typeof value !== 'string') throw invalidParams(`Invalid params: ${name}: a string expected`);
    payload[name] = value;
  }
  return { topic: `${inbound ? 'inbound' : 'outbound'}:${payload.chatId}`, payload, text: JSON.stringify(payload) };
}

function checkEnvelope(payload: Dict, { name, allowOther }: Sender): void {
  const wrong = envelopeProblem(payload);
  if (wrong !== undefined) throw invalidParams(`Invalid params: ${wrong}`);
  const type = String(payload.type);
  if (maySend(name, type, allowOther)) return;
  throw invalidParams(`Sender ${shown(name)} is not allowed to send type ${shown(type)}`);
}

/** Longest id, for the length of the frame. */
const ANY_ID = Number.MAX_SAFE_INTEGER;

/** Nothing goes on that the client of a Bub peer breaks on, whoever is subscribed (BRIDGES §1). */
function checkSize(topic: string, text: string, { maxMessageBytes }: Sender): void {
  const limit = Math.min(MAX_FRAME_BYTES, maxMessageBytes);
  // A character has three bytes at most.
  if (text.length + topic.length > limit / 4) {
    const bytes = Buffer.byteLength(requestText(ANY_ID, 'processMessage', topic, text));
    if (bytes > limit)
      throw invalidParams(`Invalid params: payload: ${bytes} bytes with its frame; ${limit} go through`);
  }
  // The payload stands in `params`, which stand in the message.
  if (nesting(text, MAX_NESTING - 2) > MAX_NESTING - 2) {
    throw invalidParams(`Invalid params: payload: it nests deeper than ${MAX_NESTING} levels`);
  }
}
