import { describe, expect, it } from 'vitest';
import { buildFrame, FrameCache, OPCODE } from '../../../src/transports/websocket-frames.ts';

describe('frames of a fan-out', () => {
  it('a message is framed once for all its receivers, also where they take three encodings in turn', () => {
    const frames = new FrameCache();
    const messages = [Buffer.from('[36]'), Buffer.from([0x91, 36]), Buffer.from([0x81, 0x18, 36])];
    const first = messages.map((message, i) => frames.frame(message, i > 0));
    for (let round = 0; round < 3; round++) {
      for (const [i, message] of messages.entries()) expect(frames.frame(message, i > 0)).toBe(first[i]);
    }
    expect(first[0]).toEqual(buildFrame(OPCODE.text, Buffer.from('[36]')));
    expect(first[1]).toEqual(buildFrame(OPCODE.binary, Buffer.from([0x91, 36])));
  });

  it('a frame is that of its message, however many others were framed between', () => {
    const frames = new FrameCache();
    const messages = Array.from({ length: 8 }, (_, i) => Buffer.from(`[${i}]`));
    for (let round = 0; round < 40; round++) {
      const message = messages[(round * round) % messages.length] as Buffer;
      expect(frames.frame(message, false)).toEqual(buildFrame(OPCODE.text, message));
      expect(frames.frame(message, true)).toEqual(buildFrame(OPCODE.binary, message));
    }
  });

  it('what was let go of is framed anew', () => {
    const frames = new FrameCache();
    const message = Buffer.from('[36]');
    const before = frames.frame(message, false);
    frames.forget();
    expect(frames.frame(message, false)).not.toBe(before);
  });
});
