import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { KeepAlive, type Watched } from '../../../src/transports/keep-alive.ts';

class Connection implements Watched {
  signs = 0;
  probes = 0;
  deaths: number[] = [];

  signsOfLife(): number {
    return this.signs;
  }

  probe(): void {
    this.probes += 1;
  }

  dead(silentMs: number): void {
    this.deaths.push(silentMs);
  }
}

const limits = { pingMs: 1000, timeoutMs: 400 };
let connection: Connection;
let keepAlive: KeepAlive;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
  Object.assign(limits, { pingMs: 1000, timeoutMs: 400 });
  connection = new Connection();
  keepAlive = new KeepAlive(() => limits);
});

afterEach(() => {
  vi.useRealTimers();
});

describe('keep-alive', () => {
  it('with pingMs 0 asks nobody and gives nobody up, until a reload asks for pings again', () => {
    limits.pingMs = 0;
    keepAlive.add(connection);
    vi.advanceTimersByTime(60_000);
    expect([connection.probes, connection.deaths.length]).toEqual([0, 0]);
    limits.pingMs = 1000;
    vi.advanceTimersByTime(2500);
    expect([connection.probes, connection.deaths.length]).toEqual([1, 1]);
  });

  it('asks a silent peer once after pingMs and gives it up timeoutMs later', () => {
    keepAlive.add(connection);
    vi.advanceTimersByTime(999);
    expect(connection.probes).toBe(0);
    vi.advanceTimersByTime(101);
    expect(connection.probes).toBe(1);
    vi.advanceTimersByTime(200);
    expect(connection.deaths).toHaveLength(0);
    vi.advanceTimersByTime(400);
    expect(connection.probes).toBe(1);
    expect(connection.deaths).toHaveLength(1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('counts anything the peer does as life, not only an answer to the ping', () => {
    keepAlive.add(connection);
    for (let i = 0; i < 20; i += 1) {
      vi.advanceTimersByTime(900);
      connection.signs += 1;
    }
    expect([connection.probes, connection.deaths.length]).toEqual([0, 0]);
    vi.advanceTimersByTime(1200);
    connection.signs += 1;
    vi.advanceTimersByTime(1000);
    expect(connection.deaths).toHaveLength(0);
  });

  it('has one timer however many connections it watches', () => {
    const many = Array.from({ length: 1000 }, () => new Connection());
    for (const one of many) keepAlive.add(one);
    expect(vi.getTimerCount()).toBe(1);
    for (const one of many) keepAlive.delete(one);
    vi.advanceTimersByTime(5000);
    expect(vi.getTimerCount()).toBe(0);
    expect(many.every((one) => one.probes === 0)).toBe(true);
  });

  it('obeys new limits from the next round on', () => {
    keepAlive.add(connection);
    limits.pingMs = 100_000;
    vi.advanceTimersByTime(50_000);
    expect(connection.probes).toBe(0);
    limits.pingMs = 1000;
    vi.advanceTimersByTime(1100);
    expect(connection.probes).toBe(1);
  });

  it('does not give up everybody after the machine was suspended', () => {
    keepAlive.add(connection);
    vi.advanceTimersByTime(1100);
    expect(connection.probes).toBe(1);
    const now = performance.now();
    const clock = vi.spyOn(performance, 'now').mockReturnValue(now + 3_600_000);
    vi.advanceTimersToNextTimer();
    expect(connection.deaths).toHaveLength(0);
    clock.mockRestore();
  });
});
