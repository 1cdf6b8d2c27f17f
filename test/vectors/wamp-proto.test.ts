/**
 * wamp-proto's published vectors, every sample, for every serializer the router speaks.
 *
 * A router reads some messages and writes others: what clients send is decoded, what routers send is encoded and also
 * read back by a strict client-side reader. Whatever is not run in that way stands in REFUSED, with its reason, and its
 * refusal is asserted.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { serializers } from '../../src/serializers/registry.ts';
import type { Serializer } from '../../src/serializers/serializer.ts';
import { ProtocolViolation } from '../../src/wamp/errors.ts';
import { Feature } from '../../src/wamp/features.ts';
import { type ClientMessage, Event, type RouterMessage } from '../../src/wamp/messages.ts';
import { CALL_DEFAULTS, YIELD_DEFAULTS } from '../../src/wamp/options.ts';
import { type Dict, Payload } from '../../src/wamp/payload.ts';
import { decodeRaw, encodeRaw, type RawName } from '../support/raw-codec.ts';
import { RouterViolation, readRouterMessage } from '../support/router-messages.ts';

interface Sample {
  readonly description: string;
  readonly serializers?: Readonly<Record<string, readonly { readonly bytes_hex: string }[]>>;
  readonly expected_attributes?: Dict;
  readonly wmsg?: readonly unknown[];
  readonly expected_error?: { readonly type: string; readonly contains: string };
}

interface Vector {
  readonly file: string;
  readonly wamp_message_type: string;
  readonly samples: readonly Sample[];
}

const DATA = new URL('./data/', import.meta.url);

function read(file: string): unknown {
  return JSON.parse(readFileSync(new URL(file, DATA), 'utf8'));
}

const vectors: readonly Vector[] = ['basic', 'advanced'].flatMap((folder) =>
  readdirSync(new URL(`singlemessage/${folder}/`, DATA))
    .filter((file) => file.endsWith('.json'))
    .map((file) => ({ ...(read(`singlemessage/${folder}/${file}`) as Vector), file })),
);

const all = vectors.flatMap(({ file, wamp_message_type: type, samples }) =>
  samples.map((sample) => ({ file, type, sample, title: `${type}: ${sample.description}` })),
);

const TRANSPARENCY = 'the retired payload transparency (enc_algo) makes args something else than a list';

/** Samples that others accept and this router refuses, by design: title → reason. */
const REFUSED: Readonly<Record<string, string>> = {
  'PUBLISH: PUBLISH with transparent payload (encrypted E2E)': TRANSPARENCY,
  'PUBLISH: PUBLISH with both forward_for and E2EE (advanced R-Link + encryption)': TRANSPARENCY,
  'PUBLISH: PUBLISH.Options.enc_algo cryptobox (valid with payload)': TRANSPARENCY,
  'PUBLISH: PUBLISH.Options.enc_serializer cbor (valid with payload)': TRANSPARENCY,
  'EVENT: EVENT with transparent payload (encrypted E2E)': TRANSPARENCY,
  'EVENT: EVENT with both forward_for and E2EE (advanced R-Link + encryption)': TRANSPARENCY,
  'EVENT: EVENT.Details.enc_algo cryptobox (valid with payload)': TRANSPARENCY,
  'EVENT: EVENT.Details.enc_serializer cbor (valid with payload)': TRANSPARENCY,
  'EVENT_RECEIVED: EVENT_RECEIVED acknowledgment': 'message type 337 was never ratified (PITFALLS 25)',
};

const FROM_CLIENT = [
  'HELLO',
  'ABORT',
  'AUTHENTICATE',
  'GOODBYE',
  'PUBLISH',
  'SUBSCRIBE',
  'UNSUBSCRIBE',
  'CALL',
  'CANCEL',
  'REGISTER',
  'UNREGISTER',
  'YIELD',
  'EVENT_RECEIVED',
];
const FROM_ROUTER = [
  'WELCOME',
  'CHALLENGE',
  'ABORT',
  'GOODBYE',
  'ERROR',
  'PUBLISHED',
  'SUBSCRIBED',
  'UNSUBSCRIBED',
  'EVENT',
  'RESULT',
  'REGISTERED',
  'UNREGISTERED',
  'INVOCATION',
  'INTERRUPT',
];

function variants(sample: Sample, serializer: Serializer): Buffer[] {
  return (sample.serializers?.[serializer.name] ?? []).map(({ bytes_hex }) => Buffer.from(bytes_hex, 'hex'));
}

function payloadOf(expected: Dict): Payload {
  return Payload.of((expected.args ?? []) as unknown[], (expected.kwargs ?? undefined) as Dict);
}

describe('what is there', () => {
  it('26 files with 102 samples: 35 of bytes, 67 of validation', () => {
    expect(vectors).toHaveLength(26);
    expect(all.filter(({ sample }) => sample.serializers !== undefined)).toHaveLength(35);
    expect(all.filter(({ sample }) => sample.wmsg !== undefined)).toHaveLength(67);
    expect(all).toHaveLength(102);
  });

  it('every message type of the vectors is run in at least one direction', () => {
    for (const { type } of all) expect([...FROM_CLIENT, ...FROM_ROUTER]).toContain(type);
  });

  it('every sample listed as refused exists', () => {
    for (const title of Object.keys(REFUSED)) expect(all.map((each) => each.title)).toContain(title);
  });

  it('every sample of bytes has them for json, msgpack and cbor', () => {
    for (const { sample } of all.filter((each) => each.sample.serializers !== undefined)) {
      for (const serializer of serializers) expect(variants(sample, serializer).length).toBeGreaterThan(0);
    }
  });

  it('NOT RUN: 70 variants in ubjson and 34 in flatbuffers, which the router does not speak', () => {
    const count = (name: string): number =>
      all.reduce((sum, { sample }) => sum + (sample.serializers?.[name]?.length ?? 0), 0);
    expect([count('ubjson'), count('flatbuffers')]).toEqual([70, 34]);
    expect(serializers.map(({ name }) => name)).toEqual(['json', 'msgpack', 'cbor']);
  });
});

describe.each(serializers)('$name', (serializer) => {
  const name = serializer.name as RawName;
  const bytes = all.filter(({ sample }) => sample.serializers !== undefined);
  const plain = bytes.filter(({ title }) => REFUSED[title] === undefined);

  it.each(plain.filter(({ type }) => FROM_CLIENT.includes(type)))('decodes $title', ({ sample }) => {
    for (const variant of variants(sample, serializer)) {
      const message = serializer.decode(variant);
      const expected = sample.expected_attributes ?? {};
      expect(message).toMatchObject(clientMessage(expected));
      if (!('payload' in message)) continue;
      expect(message.payload.value()).toEqual(payloadOf(expected).value());
      const event = new Event(1, 2, {}, 'com.app', message.payload);
      const tail = message.payload.tail(serializer);
      expect(serializer.encode(event).includes(tail.bytes)).toBe(true);
      expect(variant.includes(tail.bytes)).toBe(true);
    }
  });

  it.each(plain.filter(({ type }) => FROM_ROUTER.includes(type)))('encodes $title', ({ sample }) => {
    const expected = sample.expected_attributes ?? {};
    const encoded = serializer.encode(routerMessage(expected)).toString('hex');
    expect(variants(sample, serializer).map((variant) => variant.toString('hex'))).toContain(encoded);
  });

  it.each(plain.filter(({ type }) => FROM_ROUTER.includes(type)))('a client reads $title', ({ sample }) => {
    const expected = serializer.encode(routerMessage(sample.expected_attributes ?? {}));
    for (const variant of variants(sample, serializer)) {
      const message = readRouterMessage(decodeRaw(name, variant));
      expect(message).toEqual(readRouterMessage(decodeRaw(name, expected)));
    }
  });

  const refused = all.filter(({ title }) => REFUSED[title] !== undefined);
  it.each(refused.map((each) => ({ ...each, reason: REFUSED[each.title] })))('refuses $title: $reason', (each) => {
    const { type, sample } = each;
    const messages = sample.wmsg === undefined ? variants(sample, serializer) : [encodeRaw(name, sample.wmsg)];
    expect(messages.length).toBeGreaterThan(0);
    for (const message of messages) {
      if (type === 'EVENT') expect(() => readRouterMessage(decodeRaw(name, message))).toThrow(RouterViolation);
      else expect(() => serializer.decode(message)).toThrow(ProtocolViolation);
    }
  });

  const validated = all.filter(({ sample, title }) => sample.wmsg !== undefined && REFUSED[title] === undefined);
  it.each(validated)('validates $title', ({ type, sample }) => {
    const message = encodeRaw(name, sample.wmsg);
    const validate = (): unknown =>
      type === 'EVENT' ? readRouterMessage(decodeRaw(name, message)) : serializer.decode(message);
    if (sample.expected_error === undefined) {
      expect(validate).not.toThrow();
      return;
    }
    expect(sample.expected_error.type).toBe('protocol_violation');
    expect(validate).toThrow(type === 'EVENT' ? RouterViolation : ProtocolViolation);
    expect(validate).toThrow(sample.expected_error.contains);
  });

  it('multisession: every message of "publisher exclusion disabled" is read or written as it says', () => {
    const { sequence } = read('multisession/advanced/publisher_exclusion_disabled.json') as {
      readonly sequence: readonly { readonly from: string; readonly message: Dict }[];
    };
    expect(sequence).toHaveLength(4);
    for (const { from, message } of sequence) {
      const code = { SUBSCRIBE: 32, SUBSCRIBED: 33, PUBLISH: 16, EVENT: 36 }[String(message.type)];
      const attributes: Dict = {
        ...message,
        message_type: code,
        subscription: message.subscription_id,
        publication: message.publication_id,
      };
      if (from === 'router') {
        const encoded = decodeRaw(name, serializer.encode(routerMessage(attributes)));
        expect(readRouterMessage(encoded).type).toBe(code);
      } else {
        const tail = message.args === undefined ? [] : [message.args];
        const sent = [code, message.request_id, message.options, message.topic, ...tail];
        expect(serializer.decode(encodeRaw(name, sent))).toMatchObject(clientMessage(attributes));
      }
    }
  });
});

/** What of a client's message the router keeps, from the vectors' attributes. */
function clientMessage(expected: Dict): Partial<ClientMessage> {
  const request = expected.request_id as number;
  const options = (expected.options ?? {}) as Dict;
  const type = expected.message_type;
  switch (type) {
    case 1:
      return { type, realm: expected.realm as string, features: Feature.SUBSCRIBER | Feature.PUBLISHER };
    case 3:
    case 6:
      return { type, details: expected.details as Dict, reason: expected.reason as string };
    case 5:
      return { type, signature: expected.signature as string, extra: expected.extra as Dict };
    case 16: {
      const { acknowledge = false, exclude_me: excludeMe = true } = options;
      const read = { acknowledge, excludeMe, discloseMe: false, receivers: undefined, passthru: undefined };
      return { type, request, topic: expected.topic as string, options: read } as Partial<ClientMessage>;
    }
    case 32:
      return { type, request, topic: expected.topic as string, options: { match: 'exact', getRetained: false } };
    case 34:
      return { type, request, subscription: expected.subscription_id as number };
    case 48:
      return {
        type,
        request,
        procedure: expected.procedure as string,
        options: CALL_DEFAULTS,
      };
    case 49:
      return { type, request, mode: 'killnowait' };
    case 64:
      return { type, request, procedure: expected.procedure as string };
    case 66:
      return { type, request, registration: expected.registration_id as number };
    case 70:
      return { type, request, options: YIELD_DEFAULTS };
    default:
      throw new Error(`message type ${String(type)} of the vectors is not known here`);
  }
}

/** The router's message with the vectors' attributes. */
function routerMessage(expected: Dict): RouterMessage {
  const request = expected.request_id as number;
  const details = (expected.details ?? {}) as Dict;
  const payload = payloadOf(expected);
  const type = expected.message_type;
  switch (type) {
    case 2:
      return { type, session: expected.session_id as number, details: { roles: expected.roles } };
    case 3:
    case 6:
      return { type, details, reason: expected.reason as string };
    case 4:
      return { type, method: expected.method as string, extra: expected.extra as Dict };
    case 8: {
      const requestType = expected.request_type as number;
      return { type, requestType, request, details, error: expected.error as string, payload };
    }
    case 17:
      return { type, request, publication: expected.publication_id as number };
    case 33:
      return { type, request, subscription: expected.subscription_id as number };
    case 35:
    case 67:
      return { type, request, details: undefined };
    case 36:
      return new Event(expected.subscription as number, expected.publication as number, details, 'com.app', payload);
    case 50:
      return { type, request, details, payload };
    case 65:
      return { type, request, registration: expected.registration_id as number };
    case 68:
      return { type, request, registration: expected.registration_id as number, details, payload };
    case 69:
      return { type, request, details: expected.options as Dict };
    default:
      throw new Error(`message type ${String(type)} of the vectors is not known here`);
  }
}
