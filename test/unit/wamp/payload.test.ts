import { describe, expect, it } from 'vitest';
import { ErrorUri, WampError } from '../../../src/wamp/errors.ts';
import { Payload, type PayloadCodec, type PayloadTail, type PayloadValue } from '../../../src/wamp/payload.ts';

/** A codec that counts what is asked of it. */
class CountingCodec implements PayloadCodec {
  readonly index: 0 | 1 | 2;
  decoded = 0;
  encoded = 0;
  refusal: Error | undefined;

  constructor(index: 0 | 1 | 2) {
    this.index = index;
  }

  decodePayload(tail: PayloadTail, parsed?: PayloadValue): PayloadValue {
    if (parsed !== undefined) return parsed;
    this.decoded++;
    return { args: [tail.bytes.toString()], kwargs: undefined };
  }

  repeatsKey(tail: PayloadTail, value: PayloadValue): boolean {
    return tail.bytes.toString() !== String(value.args);
  }

  encodePayload(value: PayloadValue): PayloadTail {
    this.encoded++;
    if (this.refusal !== undefined) throw this.refusal;
    return { bytes: Buffer.from(`${this.index}:${String(value.args)}`), elements: 1 };
  }
}

const TAIL: PayloadTail = { bytes: Buffer.from('as it came'), elements: 1 };

describe('Payload', () => {
  it('PITFALLS 31: absent and empty are the same', () => {
    expect(Payload.of([])).toBe(Payload.EMPTY);
    expect(Payload.of([], {})).toBe(Payload.EMPTY);
    expect(Payload.raw(new CountingCodec(0), { bytes: Buffer.alloc(0), elements: 0 })).toBe(Payload.EMPTY);
    expect(Payload.of([1]).isEmpty).toBe(false);
    expect(Payload.of([], { a: 1 }).isEmpty).toBe(false);
    expect(Payload.EMPTY.isEmpty).toBe(true);
    expect(Payload.EMPTY.value()).toEqual({ args: [], kwargs: undefined });
  });

  it('the empty payload asks no codec', () => {
    const codec = new CountingCodec(1);
    expect(Payload.EMPTY.tail(codec).elements).toBe(0);
    expect(codec.encoded).toBe(0);
  });

  it('PITFALLS 32: to its own codec a payload is the bytes that came, and nothing is decoded', () => {
    const codec = new CountingCodec(1);
    const payload = Payload.raw(codec, TAIL);
    expect(payload.tail(codec)).toBe(TAIL);
    expect([codec.decoded, codec.encoded]).toEqual([0, 0]);
  });

  it('whether a key stands twice is asked of the codec it came in; what was made in memory has each once', () => {
    const codec = new CountingCodec(1);
    expect(Payload.raw(codec, TAIL).repeatsKey()).toBe(false);
    expect(Payload.raw(codec, TAIL, { args: ['another'], kwargs: undefined }).repeatsKey()).toBe(true);
    expect(Payload.of([1], { a: 1 }).repeatsKey()).toBe(false);
    expect(Payload.EMPTY.repeatsKey()).toBe(false);
  });

  it('a payload is decoded once and converted once for each codec', () => {
    const from = new CountingCodec(0);
    const others = [new CountingCodec(1), new CountingCodec(2)];
    const payload = Payload.raw(from, TAIL);
    for (let i = 0; i < 3; i++) {
      for (const other of others) expect(payload.tail(other).bytes.toString()).toBe(`${other.index}:as it came`);
      expect(payload.value().args).toEqual(['as it came']);
    }
    expect(from.decoded).toBe(1);
    expect(others.map((other) => other.encoded)).toEqual([1, 1]);
  });

  it('what proving the bytes made in passing is offered to the codec, which need not decode again', () => {
    const from = new CountingCodec(0);
    const value: PayloadValue = { args: ['known'], kwargs: undefined };
    const payload = Payload.raw(from, TAIL, value);
    expect(payload.value()).toBe(value);
    expect(payload.tail(new CountingCodec(2)).bytes.toString()).toBe('2:known');
    expect(from.decoded).toBe(0);
  });

  it('a payload made in memory is encoded once for each codec', () => {
    const codecs = [new CountingCodec(0), new CountingCodec(1), new CountingCodec(2)];
    const payload = Payload.of(['x']);
    for (const codec of codecs) expect(payload.tail(codec)).toBe(payload.tail(codec));
    expect(codecs.map((codec) => codec.encoded)).toEqual([1, 1, 1]);
  });

  it('an encoding that refuses is tried once, however many receivers ask, and hurts no other', () => {
    const refusing = new CountingCodec(0);
    refusing.refusal = new WampError(ErrorUri.INVALID_ARGUMENT, 'cannot be said');
    const payload = Payload.of(['x']);
    for (let i = 0; i < 3; i++) expect(() => payload.tail(refusing)).toThrow(refusing.refusal);
    expect(refusing.encoded).toBe(1);
    expect(payload.tail(new CountingCodec(1)).bytes.toString()).toBe('1:x');
  });

  it('detached has bytes of its own and forgets what conversions remember; fresh shares the bytes', () => {
    const [json, cbor] = [new CountingCodec(0), new CountingCodec(2)];
    const chunk = Buffer.from('before as it came after');
    const payload = Payload.raw(json, { bytes: chunk.subarray(7, 17), elements: 1 });
    payload.tail(cbor);
    const [detached, fresh] = [payload.detached(), payload.fresh()];
    chunk.fill('x');
    expect(detached.tail(json)).toEqual(TAIL);
    expect(detached.tail(json).bytes.buffer.byteLength).toBe(TAIL.bytes.length);
    expect(fresh.tail(json).bytes.toString()).toBe('xxxxxxxxxx');
    expect(cbor.encoded).toBe(1);
    fresh.tail(cbor);
    expect(cbor.encoded).toBe(2);
  });

  it('weight is the bytes that came, or about what a payload made in memory takes', () => {
    expect(Payload.raw(new CountingCodec(0), TAIL).weight).toBe(TAIL.bytes.length);
    expect(Payload.EMPTY.weight).toBe(0);
    expect(Payload.of(['x'.repeat(1000)]).weight).toBeGreaterThan(2000);
    expect(Payload.of([Buffer.alloc(5000)], { a: [1, null] }).weight).toBeGreaterThan(5000);
    const made = Payload.of([1]);
    expect([made.detached(), made.fresh()]).toEqual([made, made]);
  });
});
