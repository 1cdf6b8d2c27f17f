import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RawWebSocket } from '../support/raw-websocket.ts';
import { type Accepted, TestServer } from '../support/websocket-server.ts';

let server: TestServer;

beforeEach(async () => {
  server = await new TestServer({ transport: { closeTimeoutMs: 500 } }).start();
  server.limits.outboxBytes = 1 << 20;
});

afterEach(() => server.stop());

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const EVENT = Buffer.alloc(16 * 1024, 'e');

interface Pair {
  readonly client: RawWebSocket;
  readonly server: Accepted;
}

/** Fans events out to all links, some per turn, until `enough`; a healthy client that lags behind is waited for. */
async function fanOut(links: readonly Accepted[], healthy: Pair, enough: () => boolean): Promise<number> {
  let sent = 0;
  while (!enough()) {
    for (let i = 0; i < 8; i += 1) {
      for (const { link } of links) link.write(EVENT, false, true);
      sent += 1;
    }
    await turn();
    while (healthy.client.frames.length < sent) await healthy.client.next();
  }
  return sent;
}

describe('a reader that stopped reading', () => {
  it('PITFALLS 81: is disconnected under `disconnect`; a healthy one gets everything', async () => {
    const frozen = await server.pair();
    const healthy = await server.pair();
    frozen.client.freeze();
    const sent = await fanOut([frozen.server, healthy.server], healthy, () => frozen.server.ends.length > 0);
    expect(healthy.client.frames).toHaveLength(sent);
    expect(await frozen.server.end()).toMatchObject({ cause: 'slowPeer', code: 1013 });
    expect(server.events).toMatchObject([{ kind: 'slowPeer', cause: 'outboxBytes' }]);
    expect([server.pool.slowPeers, server.pool.droppedMessages]).toEqual([1, 0]);
    expect(server.pool.totalBytes).toBe(healthy.server.link.pendingBytes);
  });

  it('PITFALLS 81: is cut soon after, however long others may take for the closing handshake', async () => {
    const patient = await new TestServer({ transport: { closeTimeoutMs: 600_000 } }).start();
    const { client, server: accepted } = await patient.pair();
    client.freeze();
    while (accepted.link.write(EVENT, false, false)) await turn();
    expect(await accepted.end()).toMatchObject({ cause: 'slowPeer' });
    await patient.stop();
  });

  it('PITFALLS 81: that reads again in time finds whole frames and then the close frame 1013', async () => {
    const { client, server: accepted } = await server.pair();
    client.freeze();
    while (accepted.link.write(EVENT, false, false)) await turn();
    client.thaw();
    const close = await client.closeFrame();
    expect(close.code).toBe(1013);
    expect(client.frames.slice(0, -1).every(({ payload }) => payload.equals(EVENT))).toBe(true);
  });

  it('PITFALLS 81: survives under `dropEvents`, drops counted, memory bounded; a healthy one gets everything', async () => {
    server.limits.slowPeer = 'dropEvents';
    const frozen = await server.pair();
    const healthy = await server.pair();
    frozen.client.freeze();
    let most = 0;
    const sent = await fanOut([frozen.server, healthy.server], healthy, () => {
      most = Math.max(most, frozen.server.link.pendingBytes);
      return server.pool.droppedMessages >= 500;
    });
    expect(healthy.client.frames).toHaveLength(sent);
    expect(most).toBeLessThanOrEqual(server.limits.outboxBytes);
    expect(frozen.server.ends).toHaveLength(0);
    expect(server.pool.droppedBytes).toBeGreaterThanOrEqual(server.pool.droppedMessages * EVENT.length);
    const answer = Buffer.from('a RESULT');
    expect(frozen.server.link.write(answer, false, false)).toBe(true);
    frozen.client.thaw();
    const kept = sent - server.pool.droppedMessages;
    for (let i = 0; i < kept; i += 1) expect((await frozen.client.next()).payload.length).toBe(EVENT.length);
    expect(await frozen.client.nextText()).toBe('a RESULT');
    expect(frozen.server.link.write(EVENT, false, true)).toBe(true);
  });

  it('PITFALLS 81: that must take answers is disconnected also under `dropEvents`', async () => {
    server.limits.slowPeer = 'dropEvents';
    const { client, server: accepted } = await server.pair();
    client.freeze();
    while (accepted.link.write(EVENT, false, false)) await turn();
    expect(await accepted.end()).toMatchObject({ cause: 'slowPeer', code: 1013 });
    expect(server.pool.droppedMessages).toBe(0);
  });

  it('is no longer read from until it has drained', async () => {
    const { client, server: accepted } = await server.pair();
    client.freeze();
    while (accepted.link.pendingBytes <= server.limits.outboxBytes / 2) {
      accepted.link.write(EVENT, false, false);
      await turn();
    }
    client.text('asked by a peer that does not read its answers');
    const bystander = await server.pair();
    bystander.client.text('x');
    await bystander.server.until(() => bystander.server.messages.length === 1);
    expect(accepted.messages).toHaveLength(0);
    client.thaw();
    await accepted.until(() => accepted.messages.length === 1);
    expect(accepted.link.pendingBytes).toBeLessThanOrEqual(server.limits.outboxBytes / 4);
  });

  it('that is only slow, not over its bound, loses nothing', async () => {
    const { client, server: accepted } = await server.pair();
    client.freeze();
    let sent = 0;
    while (accepted.link.pendingBytes < server.limits.outboxBytes - 2 * EVENT.length) {
      accepted.link.write(EVENT, false, false);
      sent += 1;
      await turn();
    }
    client.thaw();
    for (let i = 0; i < sent; i += 1) expect((await client.next()).payload.equals(EVENT)).toBe(true);
  });
});

describe('the bound over all connections', () => {
  it('disconnects the fattest and never a healthy one', async () => {
    server.limits.outboxTotalBytes = 1 << 20;
    server.limits.outboxBytes = 1 << 30;
    const healthy = await server.pair();
    const thin = await server.pair();
    const fat = await server.pair();
    thin.client.freeze();
    fat.client.freeze();
    while (thin.server.link.pendingBytes < 200_000) {
      thin.server.link.write(EVENT, false, true);
      await turn();
    }
    const sent = await fanOut([fat.server, healthy.server], healthy, () => fat.server.ends.length > 0);
    expect(healthy.client.frames).toHaveLength(sent);
    expect(await fat.server.end()).toMatchObject({ cause: 'slowPeer', code: 1013 });
    expect(server.events).toMatchObject([{ kind: 'slowPeer', cause: 'outboxTotalBytes' }]);
    expect([thin.server.ends.length, healthy.server.ends.length, server.pool.evictedPeers]).toEqual([0, 0, 1]);
    expect(server.pool.totalBytes).toBeLessThan(1 << 20);
  });

  it('bounds memory however many freeze', async () => {
    server.limits.outboxTotalBytes = 4 << 20;
    server.limits.outboxBytes = 1 << 30;
    const pairs = await Promise.all(Array.from({ length: 20 }, () => server.connect()));
    await server.until(() => server.accepted.length === 20);
    for (const client of pairs) client.freeze();
    let most = 0;
    while (server.accepted.some(({ ends }) => ends.length === 0)) {
      // A buffer of its own for each: shared ones would hide what is held.
      for (const { link } of server.accepted) link.write(Buffer.alloc(64 * 1024), true, false);
      await turn();
      await turn();
      most = Math.max(most, server.pool.totalBytes);
      if (server.pool.evictedPeers > 10) break;
    }
    expect(most).toBeLessThanOrEqual(server.limits.outboxTotalBytes + 20 * 64 * 1100);
    expect(server.pool.evictedPeers).toBeGreaterThan(10);
  });
});

describe('a graceful close', () => {
  it('of a peer that reads slowly still delivers what was queued', async () => {
    const { client, server: accepted } = await server.pair();
    client.freeze();
    let sent = 0;
    while (accepted.link.pendingBytes < 500_000) {
      accepted.link.write(EVENT, false, false);
      sent += 1;
      await turn();
    }
    accepted.link.close('restart');
    client.thaw();
    for (let i = 0; i < sent; i += 1) expect((await client.next()).payload.equals(EVENT)).toBe(true);
    expect((await client.closeFrame()).code).toBe(1012);
  });

  it('of a frozen peer ends all the same', async () => {
    const { client, server: accepted } = await server.pair();
    client.freeze();
    while (accepted.link.pendingBytes < 500_000) {
      accepted.link.write(EVENT, false, false);
      await turn();
    }
    accepted.link.close('restart');
    expect(await accepted.end()).toMatchObject({ cause: 'owner', code: 1012 });
    expect(server.pool.totalBytes).toBe(0);
  });
});
