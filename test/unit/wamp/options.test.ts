import { describe, expect, it } from 'vitest';
import { ProtocolViolation } from '../../../src/wamp/errors.ts';
import {
  CALL_DEFAULTS,
  PUBLISH_DEFAULTS,
  REGISTER_DEFAULTS,
  readCallOptions,
  readCancelMode,
  readPassthru,
  readPublishOptions,
  readRegisterOptions,
  readSubscribeOptions,
  readYieldOptions,
  SUBSCRIBE_DEFAULTS,
  YIELD_DEFAULTS,
} from '../../../src/wamp/options.ts';
import type { Dict } from '../../../src/wamp/payload.ts';

type Read = (options: Dict) => unknown;

const BOOLEANS: readonly [string, Read, readonly string[]][] = [
  ['PUBLISH', readPublishOptions, ['acknowledge', 'exclude_me', 'disclose_me', 'retain']],
  ['SUBSCRIBE', readSubscribeOptions, ['get_retained']],
  ['REGISTER', readRegisterOptions, ['disclose_caller', 'force_reregister', 'forward_timeout']],
  ['CALL', readCallOptions, ['receive_progress', 'disclose_me']],
  ['YIELD', readYieldOptions, ['progress']],
];

const INTEGER_LISTS = ['exclude', 'eligible'];
const STRING_LISTS = ['exclude_authid', 'exclude_authrole', 'eligible_authid', 'eligible_authrole'];

it('no options are the defaults, the same object each time', () => {
  expect(readPublishOptions({})).toBe(PUBLISH_DEFAULTS);
  expect(readSubscribeOptions({})).toBe(SUBSCRIBE_DEFAULTS);
  expect(readRegisterOptions({})).toBe(REGISTER_DEFAULTS);
  expect(readCallOptions({})).toBe(CALL_DEFAULTS);
  expect(readYieldOptions({})).toBe(YIELD_DEFAULTS);
});

it('PITFALLS 35: a publisher is excluded unless it says exclude_me:false', () => {
  expect(readPublishOptions({}).excludeMe).toBe(true);
  expect(readPublishOptions({ acknowledge: true }).excludeMe).toBe(true);
  expect(readPublishOptions({ exclude_me: false }).excludeMe).toBe(false);
});

describe('PITFALLS 26, 27: a known key of the wrong type is a violation that names it', () => {
  for (const [message, read, keys] of BOOLEANS) {
    it.each(keys)(`${message}.Options.%s must be a boolean`, (key) => {
      for (const wrong of [0, 1, 'true', null, [], {}]) {
        expect(() => read({ [key]: wrong })).toThrow(ProtocolViolation);
        expect(() => read({ [key]: wrong })).toThrow(`${message}.Options.${key}`);
      }
      for (const right of [true, false]) expect(() => read({ [key]: right })).not.toThrow();
    });
  }

  it.each(INTEGER_LISTS)('PUBLISH.Options.%s must be a list of integers', (key) => {
    for (const wrong of [null, 1, 'x', {}, ['1'], [1.5], [null], [true], [[1]]]) {
      expect(() => readPublishOptions({ [key]: wrong })).toThrow(`PUBLISH.Options.${key}`);
    }
    // PITFALLS 37: an id nobody has, and even one nobody can have, is ignored and not refused.
    for (const right of [[], [1], [0, -5, 2 ** 53]]) expect(() => readPublishOptions({ [key]: right })).not.toThrow();
  });

  it.each(STRING_LISTS)('PUBLISH.Options.%s must be a list of strings', (key) => {
    for (const wrong of [null, 1, 'x', {}, [1], [null], [['x']]]) {
      expect(() => readPublishOptions({ [key]: wrong })).toThrow(`PUBLISH.Options.${key}`);
    }
    for (const right of [[], ['x'], ['x', '']]) expect(() => readPublishOptions({ [key]: right })).not.toThrow();
  });

  it.each([
    ['SUBSCRIBE', readSubscribeOptions],
    ['REGISTER', readRegisterOptions],
  ] as const)('%s.Options.match is exact, prefix or wildcard', (message, read) => {
    for (const wrong of ['Exact', 'glob', '', null, 1, ['exact']]) {
      expect(() => read({ match: wrong })).toThrow(`${message}.Options.match`);
    }
    for (const match of ['exact', 'prefix', 'wildcard']) expect(read({ match })).toMatchObject({ match });
  });

  it('REGISTER.Options.invoke is one of the five policies', () => {
    for (const wrong of ['all', '', null, 1]) expect(() => readRegisterOptions({ invoke: wrong })).toThrow('invoke');
    for (const invoke of ['single', 'first', 'last', 'roundrobin', 'random']) {
      expect(readRegisterOptions({ invoke })).toMatchObject({ invoke });
    }
  });

  it('REGISTER.Options.concurrency is a non-negative integer', () => {
    for (const wrong of [-1, 1.5, '1', null, true])
      expect(() => readRegisterOptions({ concurrency: wrong })).toThrow('concurrency');
    for (const right of [0, 1, 100]) expect(() => readRegisterOptions({ concurrency: right })).not.toThrow();
  });

  it.each([
    ['PUBLISH', readPublishOptions],
    ['SUBSCRIBE', readSubscribeOptions],
    ['REGISTER', readRegisterOptions],
    ['CALL', readCallOptions],
  ] as const)('%s.Options.forward_for is a list of hops, transaction_hash a string', (_message, read) => {
    for (const wrong of [
      'x',
      {},
      [1],
      [{}],
      [{ session: 0 }],
      [{ session: 1, authid: 2 }],
      [{ session: 1, authrole: 2 }],
    ]) {
      expect(() => read({ forward_for: wrong })).toThrow('forward_for');
    }
    expect(() => read({ forward_for: [{ session: 1, authid: 'a', authrole: 'b' }] })).not.toThrow();
    expect(() => read({ transaction_hash: 1 })).toThrow('transaction_hash');
  });
});

it('PITFALLS 27: unknown keys are ignored', () => {
  expect(readPublishOptions({ x_mine: 1, nonsense: null })).toEqual(PUBLISH_DEFAULTS);
  expect(readSubscribeOptions({ x_mine: 1 })).toEqual(SUBSCRIBE_DEFAULTS);
  expect(readRegisterOptions({ weak: true, x: 1 })).toEqual(REGISTER_DEFAULTS);
  expect(readCallOptions({ x_mine: 1 })).toEqual(CALL_DEFAULTS);
});

it('PITFALLS 74: keys inherited from a prototype are not options', () => {
  const options = JSON.parse('{"__proto__":{"acknowledge":true}}') as Dict;
  expect(readPublishOptions(options).acknowledge).toBe(false);
  const inherited = Object.create({ acknowledge: true }, { x: { value: 1, enumerable: true } }) as Dict;
  expect(readPublishOptions(inherited).acknowledge).toBe(false);
});

it('PITFALLS 37: a session id beyond 2^53, which binary encodings can say, is ignored like any unknown one', () => {
  const options = readPublishOptions({ exclude: [7, 2n ** 60n], eligible: [2n ** 60n] });
  expect(options.receivers).toMatchObject({ exclude: [7], eligible: [] });
});

it('PITFALLS 37: an empty list of receivers is not an absent one', () => {
  expect(readPublishOptions({ acknowledge: true }).receivers).toBeUndefined();
  expect(readPublishOptions({ eligible: [] }).receivers).toMatchObject({ eligible: [], exclude: undefined });
  expect(
    readPublishOptions({
      exclude: [1],
      exclude_authid: ['a'],
      exclude_authrole: ['b'],
      eligible: [2],
      eligible_authid: ['c'],
      eligible_authrole: ['d'],
    }).receivers,
  ).toEqual({
    exclude: [1],
    excludeAuthid: ['a'],
    excludeAuthrole: ['b'],
    eligible: [2],
    eligibleAuthid: ['c'],
    eligibleAuthrole: ['d'],
  });
});

it('PITFALLS 58: a timeout is in milliseconds, none by default, capped where timers end', () => {
  expect(readCallOptions({ receive_progress: true }).timeout).toBe(0);
  expect(readCallOptions({ timeout: 1500 }).timeout).toBe(1500);
  expect(readCallOptions({ timeout: 2 ** 40 }).timeout).toBe(2 ** 31 - 1);
  expect(readCallOptions({ timeout: 2n ** 60n }).timeout).toBe(2 ** 31 - 1);
  for (const wrong of [-1, 1.5, '10', null, true, Number.NaN]) {
    expect(() => readCallOptions({ timeout: wrong })).toThrow('CALL.Options.timeout');
  }
});

it('PITFALLS 54: a missing cancel mode is killnowait, an unknown one a violation', () => {
  expect(readCancelMode({})).toBe('killnowait');
  for (const mode of ['skip', 'kill', 'killnowait']) expect(readCancelMode({ mode })).toBe(mode);
  for (const mode of ['abort', '', null, 1]) expect(() => readCancelMode({ mode })).toThrow('CANCEL.Options.mode');
});

it('the retired payload transparency is refused by name', () => {
  for (const key of ['enc_algo', 'enc_serializer', 'enc_key']) {
    for (const read of [readPublishOptions, readCallOptions, readYieldOptions]) {
      expect(() => read({ [key]: 'x' })).toThrow(key);
    }
  }
});

describe('D10: the ppt_ keys', () => {
  const all = { ppt_scheme: 'wamp', ppt_serializer: 'cbor', ppt_cipher: 'xsalsa20poly1305', ppt_keyid: 'k' };

  it('are copied as they are, those that were given and nothing else', () => {
    for (const read of [readPublishOptions, readCallOptions, readYieldOptions]) {
      expect(read({ ...all, x: 1 }).passthru).toEqual(all);
      expect(read({ ppt_scheme: 'x_mine' }).passthru).toEqual({ ppt_scheme: 'x_mine' });
      expect(Object.isFrozen(read(all).passthru)).toBe(true);
    }
    expect(readPassthru(all, 'ERROR.Details')).toEqual(all);
  });

  it('absent or empty mean that the mode is not in use', () => {
    for (const options of [{}, { x: 1 }, { ppt_scheme: '' }, { ppt_scheme: '', ppt_cipher: '', ppt_keyid: '' }]) {
      expect(readPublishOptions(options).passthru).toBeUndefined();
    }
  });

  it('PITFALLS 27: of another type than string, or without a scheme, are violations', () => {
    for (const key of Object.keys(all)) {
      for (const wrong of [null, 1, true, ['x'], {}, new Uint8Array(1)]) {
        for (const read of [readPublishOptions, readCallOptions, readYieldOptions]) {
          expect(() => read({ ...all, [key]: wrong })).toThrow(key);
        }
        expect(() => readPassthru({ ...all, [key]: wrong }, 'ERROR.Details')).toThrow(`ERROR.Details.${key}`);
      }
    }
    for (const key of ['ppt_serializer', 'ppt_cipher', 'ppt_keyid']) {
      expect(() => readCallOptions({ [key]: 'x' })).toThrow('CALL.Options.ppt_scheme');
      expect(() => readCallOptions({ [key]: 'x', ppt_scheme: '' })).toThrow('CALL.Options.ppt_scheme');
    }
  });

  it('PITFALLS 74: are not inherited', () => {
    expect(readCallOptions(JSON.parse('{"__proto__":{"ppt_scheme":"x"},"x":1}') as Dict).passthru).toBeUndefined();
  });
});
