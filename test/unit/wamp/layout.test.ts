import { describe, expect, it } from 'vitest';
import { ErrorUri, ProtocolViolation } from '../../../src/wamp/errors.ts';
import { Feature } from '../../../src/wamp/features.ts';
import { checkCount, clientLayout, routerLayout } from '../../../src/wamp/layout.ts';
import { type ClientMessage, Event, NO_DETAILS, requestError } from '../../../src/wamp/messages.ts';
import { Payload } from '../../../src/wamp/payload.ts';

const PAYLOAD = Payload.of(['x']);

function build(...head: unknown[]): ClientMessage {
  return clientLayout(head[0]).build(head, PAYLOAD);
}

describe('clientLayout', () => {
  it('PITFALLS 3: messages that only routers send are violations', () => {
    for (const type of [2, 4, 17, 33, 35, 36, 50, 65, 67, 68, 69]) {
      expect(() => clientLayout(type)).toThrow('routers only');
      expect(() => clientLayout(type)).toThrow(ProtocolViolation);
    }
  });

  it('PITFALLS 25: unknown types, 256 … 1023 included, and no integers are violations', () => {
    for (const type of [
      0,
      7,
      9,
      71,
      255,
      256,
      337,
      1023,
      -1,
      1.5,
      Number.NaN,
      null,
      undefined,
      true,
      '16',
      16n,
      [],
      {},
    ]) {
      expect(() => clientLayout(type)).toThrow(ProtocolViolation);
    }
  });

  it('PITFALLS 25: a property every object has is no message type', () => {
    for (const type of ['constructor', '__proto__', 'toString'])
      expect(() => clientLayout(type)).toThrow(ProtocolViolation);
  });
});

it('PITFALLS 7, 25: the number of elements is checked, and named with the message', () => {
  const counts: readonly [number, number, number][] = [
    [1, 3, 3],
    [3, 3, 5],
    [5, 3, 3],
    [6, 3, 3],
    [8, 5, 7],
    [16, 4, 6],
    [32, 4, 4],
    [34, 3, 3],
    [48, 4, 6],
    [49, 3, 3],
    [64, 4, 4],
    [66, 3, 3],
    [70, 3, 5],
  ];
  for (const [type, least, most] of counts) {
    const layout = clientLayout(type);
    for (let count = 0; count < 10; count++) {
      const check = (): void => checkCount(layout, count);
      if (count >= least && count <= most) expect(check).not.toThrow();
      else expect(check).toThrow(layout.name);
    }
  }
});

describe('build', () => {
  it('PITFALLS 9: a realm that is no string is answered with invalid_uri', () => {
    for (const realm of [null, 1, [], {}]) {
      expect(() => build(1, realm, { roles: { caller: {} } })).toThrow(
        expect.objectContaining({ uri: ErrorUri.INVALID_URI }),
      );
    }
    expect(build(1, '', { roles: { caller: {} } })).toMatchObject({ realm: '' });
  });

  it('PITFALLS 10: HELLO without a known role is a violation', () => {
    for (const roles of [undefined, null, {}, [], 'caller', { router: {} }]) {
      expect(() => build(1, 'realm1', { roles })).toThrow('HELLO.Details.roles');
    }
    expect(() => build(1, 'realm1', {})).toThrow(expect.objectContaining({ uri: ErrorUri.PROTOCOL_VIOLATION }));
  });

  it('PITFALLS 14: missing authmethods are told from an empty list', () => {
    const roles = { caller: {} };
    expect(build(1, 'r', { roles })).toEqual({
      type: 1,
      realm: 'r',
      features: Feature.CALLER,
      authmethods: undefined,
      authid: undefined,
      authextra: {},
      agent: undefined,
    });
    expect(build(1, 'r', { roles, authmethods: [] })).toMatchObject({ authmethods: [] });
    expect(
      build(1, 'r', { roles, authmethods: ['ticket'], authid: 'a', authextra: { k: 1 }, agent: 'x' }),
    ).toMatchObject({
      authmethods: ['ticket'],
      authid: 'a',
      authextra: { k: 1 },
      agent: 'x',
    });
    for (const wrong of [
      { authmethods: 'ticket' },
      { authmethods: [1] },
      { authid: 1 },
      { authextra: [] },
      { agent: 1 },
    ]) {
      expect(() => build(1, 'r', { roles, ...wrong })).toThrow(`HELLO.Details.${Object.keys(wrong)[0]}`);
    }
  });

  it('FEATURES A5: a client answers invocations and their interrupts with ERROR and nothing else', () => {
    const read = { type: 8, request: 1, details: {}, error: 'a.b', payload: PAYLOAD };
    for (const type of [68, 69]) expect(build(8, type, 1, {}, 'a.b')).toEqual(read);
    for (const type of [16, 32, 48, 64, null, '68'])
      expect(() => build(8, type, 1, {}, 'a.b')).toThrow('ERROR.RequestType');
  });

  it('PITFALLS 22: an id may be a BigInt up to 2^53, and is a number then', () => {
    expect(build(34, 1n, 2n ** 53n)).toEqual({ type: 34, request: 1, subscription: 2 ** 53 });
    for (const id of [0n, -1n, 2n ** 53n + 1n, 2n ** 64n]) {
      expect(() => build(34, id, 1)).toThrow('UNSUBSCRIBE.Request');
      expect(() => build(34, 1, id)).toThrow('UNSUBSCRIBE.Subscription');
    }
  });

  it('a violation says what was expected and what kind came, never the value itself', () => {
    expect(() => build(5, ['secret'], {})).toThrow('AUTHENTICATE.Signature: string expected, got list');
    expect(() => build(5, Buffer.from('secret'), {})).toThrow('got binary');
    expect(() => build(34, 'secret', 1)).toThrow(/got string$/);
    expect(() => build(16, true, {}, 'a')).toThrow('PUBLISH.Request: id in 1 … 2^53 expected, got boolean true');
    expect(() => build(16, 1, null, 'a')).toThrow('PUBLISH.Options: dictionary expected, got null');
  });

  it('messages with payload carry it, others do not', () => {
    for (const head of [
      [16, 1, {}, 'a'],
      [48, 1, {}, 'a'],
      [70, 1, {}],
      [8, 68, 1, {}, 'a'],
    ]) {
      expect(build(...head)).toMatchObject({ payload: PAYLOAD });
    }
    for (const head of [
      [3, {}, 'a'],
      [32, 1, {}, 'a'],
    ]) {
      expect(build(...head)).not.toHaveProperty('payload');
    }
  });
});

describe('routerLayout', () => {
  it('elements stand in the order of the specification', () => {
    expect(routerLayout(new Event(1, 2, NO_DETAILS, 'a', PAYLOAD))).toEqual({ head: [36, 1, 2, {}], payload: PAYLOAD });
    expect(routerLayout({ type: 68, request: 1, registration: 2, details: {}, payload: PAYLOAD }).head).toEqual([
      68,
      1,
      2,
      {},
    ]);
    expect(routerLayout(requestError(48, 7, 'a.b', 'why'))).toMatchObject({ head: [8, 48, 7, {}, 'a.b'] });
    expect(routerLayout(requestError(48, 7, 'a.b', '')).payload).toBe(Payload.EMPTY);
    expect(routerLayout({ type: 17, request: 1, publication: 2 }).head).toEqual([17, 1, 2]);
  });

  it('UNSUBSCRIBED and UNREGISTERED have details only in a revocation', () => {
    for (const type of [35, 67] as const) {
      expect(routerLayout({ type, request: 5, details: undefined }).head).toEqual([type, 5]);
      expect(routerLayout({ type, request: 0, details: { reason: 'x' } }).head).toEqual([type, 0, { reason: 'x' }]);
    }
  });
});
