import { describe, expect, it } from 'vitest';
import type { ScryptHash } from '../../../src/auth/principals.ts';
import { SlowHashes } from '../../../src/auth/slow-hashes.ts';

const HASH: ScryptHash = { log2N: 4, r: 8, p: 1, salt: Buffer.alloc(16, 1), hash: Buffer.from('good'.padEnd(32)) };
const free = () => false;

/** A pool whose hashes end when the test says so. */
function make(limits: ConstructorParameters<typeof SlowHashes>[0] = {}) {
  const running: { ticket: string; end: (problem?: Error) => void }[] = [];
  const started: string[] = [];
  const hashes = new SlowHashes(limits, (ticket) => {
    started.push(ticket);
    return new Promise((resolve, reject) => {
      running.push({ ticket, end: (problem) => (problem ? reject(problem) : resolve(Buffer.from(ticket.padEnd(32)))) });
    });
  });
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  return { hashes, running, started, turn };
}

describe('scrypt off the main thread, rationed', () => {
  it('two run at a time, the others wait in order', async () => {
    const { hashes, running, started, turn } = make();
    const verdicts = ['a', 'b', 'c', 'good'].map((ticket) => hashes.verify(ticket, HASH, free));
    expect(started).toEqual(['a', 'b']);
    for (const at of [0, 1, 2, 3]) {
      running[at]?.end();
      await turn();
      await turn();
    }
    expect(started).toEqual(['a', 'b', 'c', 'good']);
    expect(await Promise.all(verdicts)).toEqual(['mismatch', 'mismatch', 'mismatch', 'match']);
  });

  it('the same ticket against the same hash is computed once, whoever brings it meanwhile', async () => {
    const { hashes, running, started } = make();
    const verdicts = Array.from({ length: 2000 }, () => hashes.verify('good', HASH, free));
    running[0]?.end();
    expect(new Set(await Promise.all(verdicts))).toEqual(new Set(['match']));
    expect(started).toEqual(['good']);
  });

  it('too many waiting: the next is told so at once and costs nothing', async () => {
    const { hashes, started } = make({ concurrency: 1, maxWaiting: 1 });
    void hashes.verify('a', HASH, free);
    void hashes.verify('b', HASH, free);
    expect(await hashes.verify('c', HASH, free)).toBe('overloaded');
    expect(started).toEqual(['a']);
  });

  it('who is locked out when the turn comes is not verified; others with the same ticket are', async () => {
    const { hashes, running, started, turn } = make({ concurrency: 1 });
    let locked = false;
    void hashes.verify('a', HASH, free);
    const first = hashes.verify('b', HASH, () => locked);
    const second = hashes.verify('good', HASH, () => locked);
    const other = hashes.verify('good', HASH, free);
    locked = true;
    running[0]?.end();
    await turn();
    await turn();
    expect(await first).toBe('locked');
    expect(await second).toBe('locked');
    expect(started).toEqual(['a', 'good']);
    running[1]?.end();
    expect(await other).toBe('match');
  });

  it('a failure is counted before the next hash starts, so that guesses sent at once are not all computed', async () => {
    const { hashes, running, started, turn } = make({ concurrency: 1 });
    let failures = 0;
    const guesses = Array.from({ length: 50 }, async (_, at) => {
      const verdict = await hashes.verify(`guess${at}`, HASH, () => failures > 3);
      if (verdict === 'mismatch') failures += 1;
      return verdict;
    });
    for (let at = 0; at < 6; at++) {
      running[at]?.end();
      await turn();
      await turn();
    }
    await Promise.all(guesses);
    expect(started).toHaveLength(4);
  });

  it('a hash that cannot be computed decides nothing, and the next one runs', async () => {
    const { hashes, running, turn } = make({ concurrency: 1 });
    const first = hashes.verify('a', HASH, free);
    const second = hashes.verify('good', HASH, free);
    running[0]?.end(new Error('memory limit exceeded'));
    expect(await first).toBe('overloaded');
    await turn();
    running[1]?.end();
    expect(await second).toBe('match');
  });
});
