import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  acceptedBytes,
  handshakeReply,
  pongFrame,
  RawSocketFramer,
  RawSocketFrames,
  readHandshake,
} from '../../../src/transports/rawsocket-framer.ts';
import { FRAME, handshake, rawFrame } from '../../support/rawsocket-client.ts';

const SPOKEN = new Map([
  [1, 'json'],
  [2, 'msgpack'],
]);

/** A framer, and all that came out of it. */
function framer(maxBytes = 1 << 20) {
  const out: { type: 'message' | 'ping'; bytes: Buffer }[] = [];
  const subject = new RawSocketFramer(maxBytes, {
    message: (bytes) => out.push({ type: 'message', bytes }),
    ping: (bytes) => out.push({ type: 'ping', bytes }),
  });
  return { subject, out };
}

describe('the handshake', () => {
  it('PITFALLS 83: a serializer that is illegal or not spoken is error 1, reserved octets are error 3', () => {
    for (const serializer of [0, 3, 4, 5, 15]) {
      const bytes = handshake(serializer, 15);
      expect(readHandshake(bytes, SPOKEN)).toEqual({ refusal: Buffer.from([0x7f, 0x10, 0, 0]) });
    }
    for (const reserved of [
      [1, 0],
      [0, 1],
      [255, 255],
    ]) {
      const bytes = Buffer.from([0x7f, 0xf1, ...reserved]);
      expect(readHandshake(bytes, SPOKEN)).toEqual({ refusal: Buffer.from([0x7f, 0x30, 0, 0]) });
    }
  });

  it("PITFALLS 85: the client's nibble says what it takes, from 512 bytes to 16 MiB", () => {
    for (let length = 0; length <= 15; length += 1) {
      const asked = readHandshake(handshake(2, length), SPOKEN);
      expect(asked).toEqual({ number: 2, serializer: 'msgpack', maxBytes: 2 ** (9 + length) });
    }
  });

  it.each([
    [1024, 1, 1024],
    [1025, 1, 1024],
    [1_000_000, 10, 524_288],
    [1_048_576, 11, 1_048_576],
    [2 ** 24, 15, 2 ** 24],
    [2 ** 26, 15, 2 ** 24],
  ])('PITFALLS 85: of maxMessageBytes %i the reply says %i, and %i bytes are accepted', (max, nibble, accepted) => {
    expect(handshakeReply(1, max)).toEqual(Buffer.from([0x7f, (nibble << 4) | 1, 0, 0]));
    expect(acceptedBytes(max)).toBe(accepted);
  });
});

describe('frames', () => {
  it('cut at any place are the frames that were sent', () => {
    const frames = fc.array(
      fc.record({
        type: fc.constantFrom(FRAME.message, FRAME.ping, FRAME.pong),
        payload: fc.uint8Array({ minLength: 1, maxLength: 300 }),
      }),
    );
    fc.assert(
      fc.property(frames, fc.array(fc.nat(), { maxLength: 30 }), (sent, cuts) => {
        const stream = Buffer.concat(sent.map(({ type, payload }) => rawFrame(type, Buffer.from(payload))));
        const places = [...new Set(cuts.map((cut) => cut % (stream.length + 1)))].sort((a, b) => a - b);
        const { subject, out } = framer();
        let from = 0;
        for (const place of [...places, stream.length]) {
          expect(subject.push(Buffer.from(stream.subarray(from, place)))).toBeUndefined();
          from = place;
        }
        const heard = sent.filter(({ type }) => type !== FRAME.pong);
        expect(out.map(({ type, bytes }) => [type === 'ping' ? FRAME.ping : FRAME.message, [...bytes]])).toEqual(
          heard.map(({ type, payload }) => [type, [...payload]]),
        );
        expect(subject.isInsideFrame).toBe(false);
      }),
    );
  });

  it('that are long grow as their bytes come, and come out whole', () => {
    const { subject, out } = framer(2 ** 24);
    const payload = Buffer.alloc(1_000_000, 'abcdefg');
    const stream = rawFrame(FRAME.message, payload);
    for (let at = 0; at < stream.length; at += 1460) subject.push(Buffer.from(stream.subarray(at, at + 1460)));
    expect(out).toHaveLength(1);
    expect(out[0]?.bytes.equals(payload)).toBe(true);
  });

  it('PITFALLS 87: exactly 16 MiB have a form of their own, both ways', () => {
    const payload = Buffer.alloc(2 ** 24, 'x');
    const frame = new RawSocketFrames().frame(payload);
    expect(frame.subarray(0, 4)).toEqual(Buffer.from([8, 0, 0, 0]));
    expect(pongFrame(payload).subarray(0, 4)).toEqual(Buffer.from([10, 0, 0, 0]));
    const { subject, out } = framer(2 ** 24);
    expect(subject.push(frame)).toBeUndefined();
    expect(out[0]?.bytes.length).toBe(2 ** 24);
  });

  it.each([
    ['PITFALLS 87: the bit for 16 MiB with a length beside it', [0x08, 0, 0, 1], 'longer than 16 MiB'],
    ['PITFALLS 87: reserved bits', [0x10, 0, 0, 1], 'reserved bits'],
    ['PITFALLS 87: all reserved bits', [0xf0, 0, 0, 1], 'reserved bits'],
    ['PITFALLS 87: a type that there is not', [0x03, 0, 0, 1], 'unknown type 3'],
    ['PITFALLS 87: the last type that there is not', [0x07, 0, 0, 1], 'unknown type 7'],
    ['PITFALLS 88: a message of no bytes', [0x00, 0, 0, 0], 'empty message'],
    ['PITFALLS 86: a frame over the limit', [0x00, 0x10, 0, 1], 'frame of 1048577 bytes; 1048576 are accepted'],
    ['PITFALLS 86: a ping over the limit', [0x01, 0x10, 0, 1], 'frame of 1048577 bytes'],
    ['PITFALLS 86: 16 MiB over the limit', [0x08, 0, 0, 0], 'frame of 16777216 bytes'],
  ])('%s ends the stream', (_name, header, wrong) => {
    for (const pieces of [[header], header.map((octet) => [octet])]) {
      const { subject, out } = framer();
      const results = pieces.map((piece) => subject.push(Buffer.from(piece)));
      expect(results.at(-1)).toContain(wrong);
      expect(subject.push(rawFrame(FRAME.message, 'x'))).toBeUndefined();
      expect(out).toEqual([]);
    }
  });

  it('PITFALLS 88: a ping may be empty; a pong goes unheard', () => {
    const { subject, out } = framer();
    subject.push(Buffer.concat([rawFrame(FRAME.ping), rawFrame(FRAME.pong), rawFrame(FRAME.pong, 'x')]));
    expect(out).toEqual([{ type: 'ping', bytes: Buffer.alloc(0) }]);
  });

  it('a promised length takes no memory: it grows with what came', () => {
    const { subject } = framer(2 ** 24);
    const before = process.memoryUsage().arrayBuffers;
    subject.push(rawFrame(FRAME.message, 'x', 2 ** 24));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
    expect(subject.isInsideFrame).toBe(true);
  });

  it('all receivers of a message get the same frame', () => {
    const frames = new RawSocketFrames();
    const payload = Buffer.from('[36]');
    const frame = frames.frame(payload);
    expect(frames.frame(payload)).toBe(frame);
    frames.forget();
    expect(frames.frame(payload)).not.toBe(frame);
    expect(frames.frame(payload)).toEqual(frame);
  });
});
