import { describe, expect, it } from 'vitest';
import { MAX_NONCES, MAX_NONCES_PER_KEY, type NonceBudget, Nonces } from '../../../src/acl/nonces.ts';
import { Signers } from '../../../src/acl/signers.ts';
import { WINDOW_MS } from '../../../src/signing/payload.ts';

const NOW = 1_800_000_000_000;

describe('the nonces of a key', () => {
  it('one counts as long as the time that came with it is in the window, wherever in it that was', () => {
    for (const skew of [-WINDOW_MS, -12_345, 0, 54_321, WINDOW_MS]) {
      const nonces = new Nonces({ kept: 0 });
      const ts = NOW + skew;
      nonces.add('n', ts);
      for (const now of [NOW, ts + WINDOW_MS]) {
        nonces.forget(now);
        expect(nonces.has('n', now)).toBe(true);
      }
      expect(nonces.has('m', NOW)).toBe(false);
      nonces.forget(ts + WINDOW_MS + 1);
      expect(nonces.has('n', ts + WINDOW_MS + 1)).toBe(false);
    }
  });

  it('what counts no more takes no memory for long, and others can be remembered instead', () => {
    const budget: NonceBudget = { kept: 0 };
    const nonces = new Nonces(budget);
    for (let i = 0; i < 1000; i++) nonces.add(`n${i}`, NOW + i);
    expect([nonces.size, budget.kept]).toEqual([1000, 1000]);
    nonces.add('n0', NOW);
    expect(nonces.size).toBe(1000);
    nonces.forget(NOW + WINDOW_MS);
    expect(nonces.size).toBe(1000);
    nonces.forget(NOW + WINDOW_MS + 20_000);
    expect([nonces.size, budget.kept]).toEqual([0, 0]);
  });

  it('a key has a bound, and a realm another one', () => {
    const budget: NonceBudget = { kept: 0 };
    const nonces = new Nonces(budget);
    for (let i = 0; i < MAX_NONCES_PER_KEY; i++) nonces.add(`${i}`, NOW);
    expect(nonces.hasRoom).toBe(false);
    const other = new Nonces(budget);
    expect(other.hasRoom).toBe(true);
    budget.kept = MAX_NONCES;
    expect(other.hasRoom).toBe(false);
  });
});

describe('the signers of a realm', () => {
  const KEY = 'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a';
  const OTHER = '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c';
  const of = (...keys: string[]) => [{ authid: 'planner', cryptosign: keys }];

  it('have the keys of their principal, whatever their case, and none that anybody can sign for', () => {
    const signers = new Signers();
    signers.configure(of(KEY.toUpperCase(), '00'.repeat(32)), NOW);
    expect(signers.keysOf('planner').map(({ hex }) => hex)).toEqual([KEY]);
    expect(signers.keysOf('other')).toEqual([]);
    expect(signers.keysOf('__proto__')).toEqual([]);
    expect(signers.keysOf(undefined)).toEqual([]);
  });

  it('a reload keeps what a key has signed, also of one that is gone for a while', () => {
    const signers = new Signers();
    signers.configure(of(KEY), NOW);
    signers.keysOf('planner')[0]?.nonces.add('n', NOW);
    signers.configure(of(OTHER), NOW + 1000);
    expect(signers.keysOf('planner').map(({ hex }) => hex)).toEqual([OTHER]);
    signers.configure(of(OTHER, KEY), NOW + 2000);
    expect(signers.keysOf('planner')[1]?.nonces.has('n', NOW + 2000)).toBe(true);
    signers.configure(of(OTHER), NOW + 3000);
    signers.configure(of(OTHER), NOW + 2 * WINDOW_MS);
    signers.configure(of(KEY), NOW + 2 * WINDOW_MS);
    expect(signers.keysOf('planner')[0]?.nonces.size).toBe(0);
  });

  it('where the realm remembers all it may, what others need not remember any more makes room', () => {
    const signers = new Signers();
    signers.configure([...of(KEY), { authid: 'worker', cryptosign: [OTHER] }], NOW);
    const [mine] = signers.keysOf('planner');
    const [theirs] = signers.keysOf('worker');
    if (mine === undefined || theirs === undefined) expect.fail();
    for (let i = 0; i < MAX_NONCES_PER_KEY; i++) theirs.nonces.add(`${i}`, NOW);
    expect(signers.hasRoom(theirs, NOW)).toBe(false);
    expect(signers.hasRoom(mine, NOW)).toBe(true);
    for (let i = 0; i < MAX_NONCES_PER_KEY; i++) mine.nonces.add(`${i}`, NOW);
    expect(signers.hasRoom(mine, NOW + 1000)).toBe(false);
    expect(signers.hasRoom(mine, NOW + WINDOW_MS + 20_000)).toBe(true);
    expect(mine.nonces.size).toBe(0);
  });
});
