import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  broadcastText,
  callResultText,
  checkDepth,
  correlationField,
  errorText,
  type Frame,
  flagField,
  inboundCallText,
  jsonField,
  kwargsText,
  messageText,
  metadataField,
  parse,
  payloadField,
  RelayError,
  type Said,
  textField,
} from '../../../../src/adapters/relay/frames.ts';

function frame(value: unknown): Frame {
  const parsed = parse(JSON.stringify(value));
  if (parsed instanceof RelayError) throw parsed;
  return parsed;
}

describe('what comes', () => {
  it.each(['', '{', '5', 'null', '"text"', '[]', '[{"type":"ping"}]', '{"type":"ping"} x'])(
    '%j is no message',
    (text) => {
      expect(parse(text)).toMatchObject({ code: 'bad_message' });
    },
  );

  it('a field of the wrong type is refused by its name', () => {
    const wrong = frame({ type: 'x', to: '', method: 5, success: 'yes', metadata: { a: 1 }, correlation_id: {} });
    expect(() => textField(wrong, 'to')).toThrow(/^to: /);
    expect(() => textField(wrong, 'method')).toThrow(/^method: /);
    expect(() => textField(wrong, 'topic')).toThrow(/^topic: /);
    expect(() => flagField(wrong, 'success')).toThrow(/^success: /);
    expect(() => metadataField(wrong)).toThrow(/^metadata: /);
    expect(() => payloadField(wrong)).toThrow(/^payload: /);
    expect(() => correlationField(wrong)).toThrow(/^correlation_id: /);
  });

  it('only own members count', () => {
    const named = frame({ type: 'x' });
    for (const name of ['constructor', 'toString', '__proto__']) {
      expect(() => textField(named, name)).toThrow(RelayError);
      expect(jsonField(named, name)).toBeUndefined();
    }
  });

  it('payloads keep the digits that came; of equal keys the last counts, as for JSON.parse', () => {
    const parsed = parse('{"type":"send","payload":1,"payload": [9007199254740993, "\\u00e9"] }') as Frame;
    expect(payloadField(parsed)).toBe('[9007199254740993, "\\u00e9"]');
  });

  it('metadata that is absent or null is empty', () => {
    expect(metadataField(frame({ type: 'send' }))).toBe('{}');
    expect(metadataField(frame({ type: 'send', metadata: null }))).toBe('{}');
  });

  it('186 levels go through, 187 do not, however deep it goes', () => {
    const nested = (levels: number): Frame =>
      parse(`{"type":"send","payload":${'['.repeat(levels - 1)}${']'.repeat(levels - 1)}}`) as Frame;
    expect(() => checkDepth(nested(186))).not.toThrow();
    for (const levels of [187, 100_000]) expect(() => checkDepth(nested(levels))).toThrow(/186 levels/);
  });
});

describe('what is said', () => {
  const text = fc.string({ unit: 'binary' });
  const said: fc.Arbitrary<Said> = fc.record({
    fromName: text,
    fromPeerId: text,
    messageType: text,
    payload: fc.json(),
    metadata: fc.dictionary(text, text).map((value) => JSON.stringify(value)),
    timestampMs: fc.nat(),
  });

  it('is JSON with exactly the members of the document, whatever is in it', () => {
    fc.assert(
      fc.property(said, text, (from, topic) => {
        const content = {
          from_name: from.fromName,
          message_type: from.messageType,
          payload: JSON.parse(from.payload),
          metadata: JSON.parse(from.metadata),
          timestamp_ms: from.timestampMs,
        };
        const peer = { from_peer_id: from.fromPeerId };
        expect(JSON.parse(messageText(from))).toEqual({ type: 'message', ...content, ...peer });
        expect(JSON.parse(broadcastText(topic, from))).toEqual({ type: 'broadcast_message', topic, ...content });
        expect(JSON.parse(kwargsText(from))).toEqual({ ...content, ...peer });
      }),
    );
  });

  it('a call_result and an inbound_call likewise', () => {
    fc.assert(
      fc.property(text, text, fc.json(), fc.boolean(), (id, error, payload, success) => {
        const value: unknown = JSON.parse(payload);
        expect(JSON.parse(callResultText(JSON.stringify(id), success, payload, error))).toEqual({
          type: 'call_result',
          correlation_id: id,
          success,
          payload: value,
          error,
        });
        expect(JSON.parse(inboundCallText('id', id, error, payload))).toEqual({
          type: 'inbound_call',
          correlation_id: 'id',
          from_name: id,
          method: error,
          payload: value,
        });
      }),
    );
  });

  it('an error carries the ids of what it answers, and no more of it', () => {
    const asked = frame({ type: 'call', to: 'a', method: 'm', correlation_id: 7, topic: {}, name: 'x'.repeat(2000) });
    expect(JSON.parse(errorText(new RelayError('timeout', 'late'), asked))).toEqual({
      type: 'error',
      code: 'timeout',
      message: 'late',
      to: 'a',
      correlation_id: 7,
    });
    expect(JSON.parse(errorText(new RelayError('internal', 'x'), undefined))).toEqual({
      type: 'error',
      code: 'internal',
      message: 'x',
    });
  });
});
