import { describe, expect, it } from 'vitest';
import { canonicalText } from '../../../src/signing/canonical.ts';
import { publicKeyOf, signCommand, verifyCommand } from '../../../src/signing/ed25519.ts';
import { covered, REQUIRED, type SignatureSpec, signPayload, verifyPayload } from '../../../src/signing/payload.ts';

const PRIVATE = '11'.repeat(32);
const PUBLIC = publicKeyOf(PRIVATE);
const RPC: SignatureSpec = { over: ['tool', 'params'], field: 'sig', key: 'pubKey' };

describe('signPayload', () => {
  it('puts in what the rule asks for and is not there, and signs the canonical text of all but the signature', () => {
    const before = Date.now();
    const made = signPayload(PRIVATE, { action: 'task.start', b: 2 });
    const { signature, ...rest } = made;
    expect(rest).toEqual({
      action: 'task.start',
      b: 2,
      agentId: PUBLIC,
      ts: expect.any(Number),
      nonce: expect.any(String),
    });
    expect(rest.ts).toBeGreaterThanOrEqual(before);
    expect(rest.nonce).toMatch(/^[0-9a-f]{32}$/);
    expect(verifyCommand(PUBLIC, canonicalText(rest), String(signature))).toBe(true);
    expect(signPayload(PRIVATE, {}).nonce).not.toBe(made.nonce);
  });

  it('keeps what is there, a signature excepted, and does not change what it was given', () => {
    const given = Object.freeze({ agentId: 'planner', ts: 7, nonce: 'n', signature: 'old', x: 1 });
    const { signature, ...rest } = signPayload(PRIVATE, given);
    expect(rest).toEqual({ agentId: 'planner', ts: 7, nonce: 'n', x: 1 });
    expect(signature).toMatch(/^[0-9a-f]{128}$/);
  });

  it('signs the kwargs that a rule names, and no others', () => {
    const made = signPayload(PRIVATE, { tool: 'fetch', params: { b: 1, a: 2 }, other: 3 }, RPC);
    expect(Object.keys(made)).toEqual(['tool', 'params', 'other', 'pubKey', 'sig']);
    expect(made.sig).toBe(signCommand(PRIVATE, '{"params":{"a":2,"b":1},"tool":"fetch"}'));
    expect(verifyPayload(PUBLIC, { ...made, other: 4 }, RPC)).toBe(true);
    expect(verifyPayload(PUBLIC, { ...made, tool: 'rm' }, RPC)).toBe(false);
  });
});

describe('verifyPayload', () => {
  const kwargs = { agentId: 'planner', action: 'task.start', ts: 1_000_000, nonce: 'n' };

  it('takes the canonical text, whatever the order the kwargs arrive in', () => {
    const { signature, ...rest } = signPayload(PRIVATE, kwargs);
    const reordered = Object.fromEntries([['signature', signature], ...Object.entries(rest).reverse()]);
    expect(verifyPayload(PUBLIC, reordered, REQUIRED, 1_000_000)).toBe(true);
  });

  it('takes the plain text of JSON.stringify, in the order received', () => {
    const signature = signCommand(PRIVATE, JSON.stringify(kwargs));
    expect(verifyPayload(PUBLIC, { ...kwargs, signature }, REQUIRED, 1_000_000)).toBe(true);
    expect(verifyPayload(PUBLIC, { signature, ...kwargs }, REQUIRED, 1_000_000)).toBe(true);
    const { nonce, ...first } = kwargs;
    const reordered = { nonce, ...first, signature };
    expect(verifyPayload(PUBLIC, reordered, REQUIRED, 1_000_000)).toBe(false);
  });

  it('whatever is changed, added or taken away, it does not hold any more', () => {
    const made = signPayload(PRIVATE, kwargs);
    const { action: _action, ...less } = made;
    const other = publicKeyOf('22'.repeat(32));
    for (const wrong of [{ ...made, action: 'x' }, { ...made, more: 1 }, less, { ...made, signature: undefined }, {}]) {
      expect(verifyPayload(PUBLIC, wrong, REQUIRED, 1_000_000)).toBe(false);
    }
    expect(verifyPayload(other, made, REQUIRED, 1_000_000)).toBe(false);
    expect(verifyPayload('', made, REQUIRED, 1_000_000)).toBe(false);
  });

  it('a ts more than 60 s from the clock, or none, is refused; without ts in the rule it is not looked at', () => {
    const made = signPayload(PRIVATE, kwargs);
    const at = (now: number) => verifyPayload(PUBLIC, made, REQUIRED, now);
    expect([940_000, 1_060_000].map(at)).toEqual([true, true]);
    expect([939_999, 1_060_001].map(at)).toEqual([false, false]);
    for (const ts of ['1000000', null, Number.NaN, 1e300]) {
      const signature = signCommand(PRIVATE, JSON.stringify({ ...kwargs, ts }));
      expect(verifyPayload(PUBLIC, { ...kwargs, ts, signature }, REQUIRED, 1_000_000)).toBe(false);
    }
    expect(verifyPayload(PUBLIC, signPayload(PRIVATE, { tool: 'x', ts: 0 }, RPC), RPC)).toBe(true);
  });

  it('now is the time of the machine where nothing else is said', () => {
    expect(verifyPayload(PUBLIC, signPayload(PRIVATE, {}))).toBe(true);
    expect(verifyPayload(PUBLIC, signPayload(PRIVATE, { ts: Date.now() - 3_600_000 }))).toBe(false);
  });

  it('what cannot be signed is not verified, and names that every object has are no kwargs', () => {
    const binary = { ...kwargs, data: Uint8Array.of(1), signature: 'ab'.repeat(64) };
    expect(verifyPayload(PUBLIC, binary, REQUIRED, 1_000_000)).toBe(false);
    expect(verifyPayload(PUBLIC, {}, { over: ['a'], field: 'constructor', key: 'k' })).toBe(false);
  });
});

describe('covered', () => {
  it('keeps the order received, leaves out what is not there, and has __proto__ as a name like any other', () => {
    const kwargs = JSON.parse('{"params":1,"__proto__":2,"x":3,"tool":4,"sig":5}');
    expect(JSON.stringify(covered(kwargs, RPC))).toBe('{"params":1,"tool":4}');
    expect(JSON.stringify(covered(kwargs, { ...RPC, over: 'all' }))).toBe('{"params":1,"__proto__":2,"x":3,"tool":4}');
    expect(JSON.stringify(covered(kwargs, { ...RPC, over: ['__proto__', 'gone'] }))).toBe('{"__proto__":2}');
  });
});
