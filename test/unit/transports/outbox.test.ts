import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { Outbox, type OutboxOwner } from '../../../src/transports/outbox.ts';
import { type OutboxLimits, OutboxPool, type OverflowCause } from '../../../src/transports/outbox-pool.ts';
import { Target } from '../../support/target.ts';

setFlagsFromString('--expose-gc');
const gc = runInNewContext('gc') as () => void;

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

class Owner implements OutboxOwner {
  readonly overflows: { cause: OverflowCause; pendingBytes: number }[] = [];
  readonly throttles: boolean[] = [];

  overflowed(cause: OverflowCause, pendingBytes: number): void {
    this.overflows.push({ cause, pendingBytes });
  }

  throttle(slow: boolean): void {
    this.throttles.push(slow);
  }
}

const limits: Mutable<OutboxLimits> = { outboxBytes: 1000, outboxTotalBytes: 1_000_000, slowPeer: 'disconnect' };

function setUp(changes: Partial<OutboxLimits> = {}) {
  const own = { ...limits, ...changes };
  const pool = new OutboxPool(() => own);
  const add = (stuck = false) => {
    const target = new Target();
    target.stuck = stuck;
    const owner = new Owner();
    return { target, owner, outbox: new Outbox(pool, target, owner) };
  };
  return { pool, limits: own, add };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
const frame = (bytes: number, fill = 1): Buffer => Buffer.alloc(bytes, fill);

describe('output of a connection', () => {
  it('is written once per turn of the event loop, in order', async () => {
    const { add } = setUp({ outboxBytes: 100_000 });
    const { target, outbox } = add();
    const frames = Array.from({ length: 1000 }, (_, i) => frame(10, i % 256));
    for (const one of frames) outbox.push(one, false);
    expect(target.taken).toHaveLength(0);
    await turn();
    expect(target.taken).toHaveLength(1);
    expect(Buffer.concat(target.taken).equals(Buffer.concat(frames))).toBe(true);
  });

  it('is the same buffer instance on every connection it goes to', async () => {
    const { add } = setUp();
    const boxes = [add(), add(), add()];
    const shared = frame(100);
    for (const { outbox } of boxes) outbox.push(shared, true);
    await turn();
    for (const { target } of boxes) expect(target.taken[0]).toBe(shared);
  });

  it('hands large frames to the socket uncopied, in one corked write', async () => {
    const { add } = setUp({ outboxBytes: 1 << 20 });
    const { target, outbox } = add();
    const frames = [frame(20_000, 1), frame(30_000, 2), frame(100, 3)];
    for (const one of frames) outbox.push(one, false);
    await turn();
    expect(target.corked).toBe(1);
    for (const [i, one] of frames.entries()) expect(target.taken[i]).toBe(one);
  });

  it('counts pending bytes per connection and over all, down to zero again', async () => {
    const { pool, add } = setUp();
    const one = add(true);
    const other = add(true);
    one.outbox.push(frame(300), false);
    other.outbox.push(frame(200), false);
    expect([one.outbox.pendingBytes, other.outbox.pendingBytes, pool.totalBytes]).toEqual([300, 200, 500]);
    await turn();
    expect(pool.totalBytes).toBe(500);
    one.target.drain();
    await turn();
    expect([one.outbox.pendingBytes, pool.totalBytes]).toEqual([0, 200]);
    other.outbox.discard();
    expect(pool.totalBytes).toBe(0);
  });

  it('keeps what the socket does not take in slices, so that it can still be discarded', async () => {
    const { add } = setUp({ outboxBytes: 10 << 20 });
    const { target, outbox } = add(true);
    for (let i = 0; i < 100; i += 1) outbox.push(frame(10_000), false);
    await turn();
    expect(target.writableLength).toBeLessThanOrEqual(128 * 1024);
    expect(outbox.pendingBytes).toBe(1_000_000);
    target.stuck = false;
    target.drain();
    await turn();
    expect(outbox.pendingBytes).toBe(0);
    expect(Buffer.concat(target.taken)).toHaveLength(1_000_000);
  });

  it('PITFALLS 81: of a peer that is always behind, holds what waits, and nothing that has gone', async () => {
    const { add } = setUp({ outboxBytes: 10 << 20, outboxTotalBytes: 10 << 20 });
    const { target, outbox } = add(true);
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 0; i < 4000; i += 1) {
      outbox.push(frame(100_000), false);
      if (i > 20) target.takeOne();
      if (i % 8 === 0) await turn();
    }
    expect(outbox.pendingBytes).toBeGreaterThan(1_000_000);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200e6);
  });

  it('PITFALLS 81: tiny frames that wait take little more memory than their bytes, and keep their order', async () => {
    const { add } = setUp({ outboxBytes: 10 << 20, outboxTotalBytes: 10 << 20 });
    const { target, outbox } = add(true);
    const used = (): number => {
      gc();
      const { heapUsed, arrayBuffers } = process.memoryUsage();
      return heapUsed + arrayBuffers;
    };
    const before = used();
    const tiny = (i: number): Buffer => Buffer.from([i & 0xff, (i >> 8) & 0xff]);
    for (let i = 0; i < 500_000; i += 1) {
      outbox.push(tiny(i), false);
      if (i % 5000 === 0) await turn();
    }
    await turn();
    expect(outbox.pendingBytes).toBe(1_000_000);
    expect(used() - before).toBeLessThan(10e6);
    target.stuck = false;
    target.drain();
    await turn();
    const taken = Buffer.concat(target.taken);
    expect(taken).toHaveLength(1_000_000);
    for (let i = 0; i < 500_000; i += 1) if (taken.readUInt16LE(i * 2) !== (i & 0xffff)) throw new Error(`order, ${i}`);
  });

  it('does not stall behind bytes that somebody else wrote to the socket', async () => {
    const { add } = setUp();
    const { target, outbox } = add(true);
    target.write(frame(200), () => {});
    outbox.push(frame(10), false);
    await turn();
    expect(target.taken).toHaveLength(2);
  });

  it('after finish is with the socket as a whole, and nothing more is taken', () => {
    const { add } = setUp({ outboxBytes: 10 << 20 });
    const { target, outbox } = add(true);
    for (let i = 0; i < 100; i += 1) outbox.push(frame(10_000), false);
    outbox.finish();
    expect(target.writableLength).toBe(1_000_000);
    expect(outbox.push(frame(1), false)).toBe(false);
    expect(outbox.pendingBytes).toBe(1_000_000);
  });

  it('is not written to a socket that is no longer writable', async () => {
    const { add } = setUp();
    const { target, outbox } = add();
    outbox.push(frame(10), false);
    target.writable = false;
    await turn();
    expect(target.taken).toHaveLength(0);
  });
});

describe('the bound per connection', () => {
  it('PITFALLS 81: ends a peer that does not take its messages, once, and frees what was queued', async () => {
    const { pool, add } = setUp();
    const { outbox, owner } = add(true);
    outbox.push(frame(600), true);
    await turn();
    expect(outbox.push(frame(400), true)).toBe(true);
    expect(outbox.push(frame(1), true)).toBe(false);
    expect(outbox.push(frame(1), false)).toBe(false);
    expect(owner.overflows).toEqual([{ cause: 'outboxBytes', pendingBytes: 1000 }]);
    expect([pool.slowPeers, pool.droppedMessages, pool.totalBytes]).toEqual([1, 0, 0]);
  });

  it('PITFALLS 81: with dropEvents refuses events, counted, and keeps an eighth for answers', async () => {
    const { pool, add } = setUp({ slowPeer: 'dropEvents' });
    const { outbox, owner } = add(true);
    outbox.push(frame(800), true);
    await turn();
    expect(outbox.push(frame(100), true)).toBe(false);
    expect([pool.droppedMessages, pool.droppedBytes]).toEqual([1, 100]);
    expect(outbox.push(frame(100), false)).toBe(true);
    expect(outbox.push(frame(100), false)).toBe(true);
    expect(owner.overflows).toHaveLength(0);
  });

  it('PITFALLS 81: an answer that does not fit is never dropped silently: the peer is disconnected', async () => {
    const { pool, add } = setUp({ slowPeer: 'dropEvents' });
    const { outbox, owner } = add(true);
    outbox.push(frame(900), false);
    await turn();
    expect(outbox.push(frame(200), false)).toBe(false);
    expect(owner.overflows).toEqual([{ cause: 'outboxBytes', pendingBytes: 900 }]);
    expect(pool.slowPeers).toBe(1);
  });

  it('does not hit a burst within one turn that the socket takes', () => {
    const { add } = setUp();
    const { outbox, owner, target } = add();
    for (let i = 0; i < 50; i += 1) expect(outbox.push(frame(100), false)).toBe(true);
    expect(owner.overflows).toHaveLength(0);
    expect(target.taken.length).toBeGreaterThan(0);
  });

  it('lets one message larger than itself pass when nothing else waits', async () => {
    const { add } = setUp();
    const { outbox, owner } = add(true);
    expect(outbox.push(frame(5000), false)).toBe(true);
    await turn();
    expect(outbox.push(frame(1), false)).toBe(false);
    expect(owner.overflows).toHaveLength(1);
  });

  it('stops reading from a peer over half of it, until a quarter is left', async () => {
    const { add } = setUp();
    const { outbox, owner, target } = add(true);
    outbox.push(frame(501), false);
    expect(owner.throttles).toEqual([]);
    await turn();
    expect(owner.throttles).toEqual([true]);
    target.drain();
    await turn();
    expect(owner.throttles).toEqual([true, false]);
  });

  it('is live: a lowered bound is in force for the next message', async () => {
    const { limits: live, add } = setUp();
    const { outbox } = add(true);
    outbox.push(frame(100), false);
    await turn();
    live.outboxBytes = 150;
    expect(outbox.push(frame(60), false)).toBe(false);
  });
});

describe('the bound over all connections', () => {
  it('ends the fattest connections, as many as needed, and no other', async () => {
    const { pool, add } = setUp({ outboxTotalBytes: 1000 });
    const boxes = [200, 700, 50, 650].map((bytes) => {
      const box = add(true);
      box.outbox.push(frame(bytes), false);
      return box;
    });
    const healthy = add();
    healthy.outbox.push(frame(900), false);
    await turn();
    expect(boxes.map(({ owner }) => owner.overflows.length)).toEqual([0, 1, 0, 0]);
    expect(boxes[1]?.owner.overflows[0]).toEqual({ cause: 'outboxTotalBytes', pendingBytes: 700 });
    expect(healthy.owner.overflows).toHaveLength(0);
    expect([pool.evictedPeers, pool.slowPeers, pool.totalBytes]).toEqual([1, 0, 900]);
  });

  it('does not count a burst that the sockets take in the same turn', async () => {
    const { pool, add } = setUp({ outboxTotalBytes: 1000 });
    const boxes = Array.from({ length: 10 }, () => add());
    for (const { outbox } of boxes) outbox.push(frame(900), false);
    await turn();
    expect(pool.evictedPeers).toBe(0);
    expect(pool.totalBytes).toBe(0);
  });
});
