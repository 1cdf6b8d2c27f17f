import { describe, expect, it } from 'vitest';
import { ALL_FEATURES, Feature, isDict, ROUTER_ROLES, readFeatures } from '../../../src/wamp/features.ts';
import type { Dict } from '../../../src/wamp/payload.ts';

describe('readFeatures', () => {
  it('PITFALLS 10: a role may be {} or lack features', () => {
    expect(readFeatures({ publisher: {} })).toBe(Feature.PUBLISHER);
    expect(readFeatures({ subscriber: {}, caller: { x: 1 }, callee: { features: {} } })).toBe(
      Feature.SUBSCRIBER | Feature.CALLER | Feature.CALLEE,
    );
  });

  it('PITFALLS 10: unknown roles and features are ignored; with none known nothing is announced', () => {
    expect(readFeatures({ broker: {}, router: {} })).toBe(0);
    expect(readFeatures({})).toBe(0);
    expect(readFeatures({ caller: { features: { telepathy: true } }, spy: {} })).toBe(Feature.CALLER);
  });

  it('PITFALLS 10: a role or its features that is no dictionary is not announced', () => {
    for (const wrong of [null, true, 1, 'x', []]) {
      expect(readFeatures({ caller: wrong })).toBe(0);
      expect(readFeatures({ caller: { features: wrong } })).toBe(Feature.CALLER);
    }
  });

  it('PITFALLS 26: a feature is announced by true, not by 1 or "true"', () => {
    for (const wrong of [1, 'true', {}, null, false]) {
      expect(readFeatures({ callee: { features: { call_timeout: wrong } } })).toBe(Feature.CALLEE);
    }
    expect(readFeatures({ callee: { features: { call_timeout: true } } })).toBe(
      Feature.CALLEE | Feature.CALLEE_CALL_TIMEOUT,
    );
  });

  it('PITFALLS §11: call_canceling is accepted in both spellings', () => {
    for (const key of ['call_canceling', 'call_cancelling']) {
      expect(readFeatures({ callee: { features: { [key]: true } } }) & Feature.CALLEE_CALL_CANCELING).not.toBe(0);
    }
  });

  it('a feature counts for the role that announced it only', () => {
    const bits = readFeatures({
      caller: { features: { call_canceling: true, progressive_call_results: true } },
      callee: {},
    });
    expect(bits).toBe(Feature.CALLER | Feature.CALLEE | Feature.CALLER_PROGRESSIVE_RESULTS);
  });

  it('PITFALLS 74: roles named after what every object inherits announce nothing', () => {
    expect(readFeatures(JSON.parse('{"__proto__":{"caller":{}},"constructor":{}}') as Dict)).toBe(0);
    expect(readFeatures(Object.create({ caller: {} }) as Dict)).toBe(0);
  });

  it('every feature has a bit of its own', () => {
    const bits = Object.values(Feature);
    expect(new Set(bits).size).toBe(bits.length);
    expect(bits.reduce((all, bit) => all | bit, 0)).toBe(ALL_FEATURES);
  });
});

it('PITFALLS 12: broker and dealer are announced with features, frozen', () => {
  for (const role of ['broker', 'dealer']) {
    const { features } = ROUTER_ROLES[role] as { features: Dict };
    expect(Object.values(features).every((value) => value === true)).toBe(true);
    expect(Object.keys(features).length).toBeGreaterThan(0);
    expect(Object.isFrozen(features)).toBe(true);
  }
});

it('a dictionary is an object that is no array and no binary', () => {
  for (const value of [{}, { a: 1 }, Object.create(null)]) expect(isDict(value)).toBe(true);
  for (const value of [null, undefined, [], 'x', 1, Buffer.alloc(1), new Uint8Array(1)])
    expect(isDict(value)).toBe(false);
});
