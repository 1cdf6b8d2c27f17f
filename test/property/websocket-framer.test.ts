import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as ws from 'ws';
import { WebSocketFramer } from '../../src/transports/websocket-framer.ts';
import { CLOSE_CODES } from '../../src/transports/websocket-frames.ts';
import { unmask } from '../../src/transports/websocket-mask.ts';
import { clientFrame, OP } from '../support/raw-websocket.ts';

/** Of `ws`; known to it, not to its types. */
const { Receiver } = ws as unknown as {
  Receiver: new (
    options: object,
  ) => NodeJS.WritableStream & { on(event: string, listener: (...args: never[]) => void): void };
};

const MAX_BYTES = 600;

/** What a stream says, in order; the last element says how it ended, where it did. */
type Said = readonly (string | number | undefined | boolean)[][];

function byFramer(chunks: readonly Buffer[]): Said {
  const said: (string | number | undefined | boolean)[][] = [];
  const framer = new WebSocketFramer(MAX_BYTES, {
    message: (bytes, binary) => said.push(['message', bytes.toString('hex'), binary]),
    ping: (payload) => said.push(['ping', payload.toString('hex')]),
    closed: (code, reason) => said.push(['closed', code ?? 1005, reason]),
  });
  for (const chunk of chunks) {
    const wrong = framer.push(Buffer.from(chunk));
    if (wrong !== undefined) said.push(['wrong', CLOSE_CODES[wrong.how]]);
  }
  return said;
}

/** The slow twin: the receiver of `ws`. */
async function byReceiver(chunks: readonly Buffer[]): Promise<Said> {
  const said: (string | number | undefined | boolean)[][] = [];
  const receiver = new Receiver({ isServer: true, maxPayload: MAX_BYTES });
  const code = (error: Error): number => {
    const status = Object.getOwnPropertySymbols(error).find(({ description }) => description === 'status-code');
    return Number((error as unknown as Record<symbol, unknown>)[status ?? Symbol.iterator]);
  };
  receiver.on('message', (bytes: Buffer, binary: boolean) => said.push(['message', bytes.toString('hex'), binary]));
  receiver.on('ping', (payload: Buffer) => said.push(['ping', payload.toString('hex')]));
  receiver.on('conclude', (status: number, reason: Buffer) => said.push(['closed', status, reason.toString()]));
  let broken = false;
  receiver.on('error', (error: Error) => {
    broken = true;
    said.push(['wrong', code(error)]);
  });
  for (const chunk of chunks) {
    if (broken) break;
    await new Promise<void>((resolve) => {
      receiver.write(Buffer.from(chunk), () => resolve());
    });
    await new Promise(setImmediate);
  }
  return said;
}

const payload = fc.oneof(
  fc.string({ maxLength: 140 }).map((text) => Buffer.from(text)),
  fc.string({ unit: 'binary', maxLength: 40 }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  fc.constantFrom(1000, 1001, 1004, 1005, 1006, 1014, 1015, 2999, 3000, 4999, 5000).map((code) => {
    const bytes = Buffer.from('..bye');
    bytes.writeUInt16BE(code);
    return bytes;
  }),
);

/** Mostly what a client may send, and everything it may do wrong. */
const frame = fc
  .record({
    opcode: fc.oneof(
      { weight: 8, arbitrary: fc.constantFrom(OP.text, OP.binary, OP.continuation, OP.ping, OP.pong) },
      { weight: 1, arbitrary: fc.constant(OP.close) },
      { weight: 1, arbitrary: fc.nat(15) },
    ),
    payload,
    fin: fc.boolean(),
    rsv: fc.oneof({ weight: 20, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(7) }),
    mask: fc.oneof({ weight: 20, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }),
    claimed: fc.oneof(
      { weight: 20, arbitrary: fc.constant(undefined) },
      { weight: 1, arbitrary: fc.constantFrom(0, 1, 125, 126, 599, 600, 601, 65_535, 65_536, 2 ** 40) },
    ),
  })
  .map(({ opcode, payload, fin, rsv, mask, claimed }) => {
    const isControl = opcode >= OP.close;
    const body = isControl ? payload.subarray(0, 125) : payload;
    const options = { fin: fin || isControl, rsv, mask, ...(claimed === undefined ? {} : { claimedLength: claimed }) };
    return clientFrame(opcode, body, options);
  });

const message = fc
  .tuple(fc.boolean(), fc.string({ unit: 'grapheme', maxLength: 100 }), fc.array(fc.nat(100), { maxLength: 4 }))
  .map(([isText, text, cuts]) => {
    const bytes = Buffer.from(text);
    const ends = [...cuts.map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b), bytes.length];
    const frames = ends.map((end, i) =>
      clientFrame(i === 0 ? (isText ? OP.text : OP.binary) : OP.continuation, bytes.subarray(ends[i - 1] ?? 0, end), {
        fin: i === ends.length - 1,
      }),
    );
    return Buffer.concat(frames.flatMap((each) => [each, clientFrame(OP.ping, 'between')]).slice(0, -1));
  });

/** Chunks of a stream, and perhaps a byte of it altered. Its tail lets both find what is wrong with the last head. */
const stream = fc
  .record({
    parts: fc.array(fc.oneof({ weight: 3, arbitrary: message }, { weight: 2, arbitrary: frame }), { maxLength: 6 }),
    cuts: fc.array(fc.nat(2000), { maxLength: 12 }),
    altered: fc.option(fc.tuple(fc.nat(2000), fc.nat(255)), { freq: 3 }),
  })
  .map(({ parts, cuts, altered }) => {
    const bytes = Buffer.concat([...parts, Buffer.alloc(16)]);
    if (altered !== null) bytes[altered[0] % bytes.length] = altered[1];
    const at = [0, ...cuts.map((cut) => cut % bytes.length).sort((a, b) => a - b), bytes.length];
    return at
      .slice(1)
      .map((end, i) => bytes.subarray(at[i] ?? 0, end))
      .filter(({ length }) => length > 0);
  });

describe('the reader of frames', () => {
  it('PITFALLS 74, 79: says of every stream, in whatever pieces, what ws says of it', { timeout: 60_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(stream, async (chunks) => {
        expect(byFramer(chunks)).toEqual(await byReceiver(chunks));
      }),
      { numRuns: 3000 },
    );
  });

  it('takes the mask off, and knows ASCII, at every place, length and phase', () => {
    const longer = fc.oneof(fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ minLength: 250, maxLength: 300 }));
    fc.assert(
      fc.property(longer, fc.boolean(), fc.nat(9), fc.nat(7), fc.integer(), (bytes, ascii, before, phase, key) => {
        const plain = Buffer.from(bytes.map((byte) => (ascii ? byte & 0x7f : byte)));
        const mask = Buffer.alloc(4);
        mask.writeInt32BE(key);
        const room = Buffer.alloc(before + plain.length + 3, 0xff);
        plain.forEach((byte, i) => {
          room[before + i] = byte ^ (mask[(phase + i) % 4] as number);
        });
        const isAscii = unmask(room, before, before + plain.length, key, phase);
        expect(room.subarray(before, -3).equals(plain)).toBe(true);
        expect(room.subarray(-3).equals(Buffer.alloc(3, 0xff))).toBe(true);
        expect(room.subarray(0, before).equals(Buffer.alloc(before, 0xff))).toBe(true);
        expect(isAscii).toBe(plain.every((byte) => byte < 0x80));
      }),
      { numRuns: 2000 },
    );
  });

  it('holds no more of a message than has come of it, whatever length was promised', () => {
    const framer = new WebSocketFramer(1 << 30, { message: () => {}, ping: () => {}, closed: () => {} });
    const before = process.memoryUsage().arrayBuffers;
    framer.push(clientFrame(OP.binary, 'x', { claimedLength: 1 << 29 }));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
  });

  it('puts a message of a million fragments together in linear time', { timeout: 20_000 }, () => {
    const messages: number[] = [];
    const framer = new WebSocketFramer(1 << 20, {
      message: ({ length }) => messages.push(length),
      ping: () => {},
      closed: () => {},
    });
    framer.push(clientFrame(OP.text, 'a', { fin: false }));
    const many = Buffer.concat(Array.from({ length: 10_000 }, () => clientFrame(OP.continuation, 'b', { fin: false })));
    for (let i = 0; i < 100; i += 1) framer.push(Buffer.from(many));
    framer.push(clientFrame(OP.continuation, 'c'));
    expect(messages).toEqual([1_000_002]);
  });
});
