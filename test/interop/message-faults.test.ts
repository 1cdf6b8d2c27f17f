/** Messages that no client should send, over WebSocket in every encoding (PITFALLS 22–31). */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ALL_ROLES, RawClient } from '../support/raw-client.ts';
import { RAW_NAMES, type RawName } from '../support/raw-codec.ts';
import { type RunningRouter, startRouter } from '../support/start-router.ts';

const VIOLATION = 'wamp.error.protocol_violation';
const TOO_BIG = 9007199254740993n;

const NO_IDS = [0, -1, 1.5, '1', true, null, [], {}, TOO_BIG];
const NO_DICTS = [null, [], 'x', 1, true];
const NO_STRINGS = [null, 1, true, [], {}];
const NO_LISTS = ['x', 1, true, {}];
const NO_KWARGS = ['x', 1, true, []];

/** A message that is good, and per element after the type what it must not be. */
interface Shape {
  readonly name: string;
  readonly good: readonly unknown[];
  /** Elements that must be there. */
  readonly least: number;
  readonly bad: readonly (readonly [field: string, values: readonly unknown[]])[];
}

const PAYLOAD = [
  ['Arguments', NO_LISTS],
  ['ArgumentsKw', NO_KWARGS],
] as const;

const SHAPES: readonly Shape[] = [
  {
    name: 'ABORT',
    good: [3, {}, 'com.reason', [], {}],
    least: 3,
    bad: [['Details', NO_DICTS], ['Reason', NO_STRINGS], ...PAYLOAD],
  },
  {
    name: 'GOODBYE',
    good: [6, {}, 'wamp.close.normal'],
    least: 3,
    bad: [
      ['Details', NO_DICTS],
      ['Reason', NO_STRINGS],
    ],
  },
  {
    name: 'ERROR',
    good: [8, 68, 1, {}, 'com.error', [], {}],
    least: 5,
    bad: [
      ['RequestType', [0, 48, 67, '68', 68.5, true, null]],
      ['Request', NO_IDS],
      ['Details', NO_DICTS],
      ['Error', NO_STRINGS],
      ...PAYLOAD,
    ],
  },
  {
    name: 'PUBLISH',
    good: [16, 1, {}, 'com.topic', [], {}],
    least: 4,
    bad: [['Request', NO_IDS], ['Options', NO_DICTS], ['Topic', NO_STRINGS], ...PAYLOAD],
  },
  {
    name: 'SUBSCRIBE',
    good: [32, 1, {}, 'com.topic'],
    least: 4,
    bad: [
      ['Request', NO_IDS],
      ['Options', NO_DICTS],
      ['Topic', NO_STRINGS],
    ],
  },
  {
    name: 'UNSUBSCRIBE',
    good: [34, 1, 1],
    least: 3,
    bad: [
      ['Request', NO_IDS],
      ['Subscription', NO_IDS],
    ],
  },
  {
    name: 'CALL',
    good: [48, 1, {}, 'com.procedure', [], {}],
    least: 4,
    bad: [['Request', NO_IDS], ['Options', NO_DICTS], ['Procedure', NO_STRINGS], ...PAYLOAD],
  },
  {
    name: 'CANCEL',
    good: [49, 1, {}],
    least: 3,
    bad: [
      ['Request', NO_IDS],
      ['Options', NO_DICTS],
    ],
  },
  {
    name: 'REGISTER',
    good: [64, 1, {}, 'com.procedure'],
    least: 4,
    bad: [
      ['Request', NO_IDS],
      ['Options', NO_DICTS],
      ['Procedure', NO_STRINGS],
    ],
  },
  {
    name: 'UNREGISTER',
    good: [66, 1, 1],
    least: 3,
    bad: [
      ['Request', NO_IDS],
      ['Registration', NO_IDS],
    ],
  },
  {
    name: 'YIELD',
    good: [70, 1, {}, [], {}],
    least: 3,
    bad: [['Request', NO_IDS], ['Options', NO_DICTS], ...PAYLOAD],
  },
];

const NO_BOOLEANS = [0, 1, 'true', null, []];
const NO_TEXT_LISTS = ['x', [1], [null], {}, 1];
const NO_ID_LISTS = ['x', ['1'], [null], [1.5], {}, 1];

/** Options of known name and wrong type, by message. */
const OPTIONS: readonly (readonly [
  name: string,
  message: readonly unknown[],
  at: number,
  Record<string, unknown[]>,
])[] = [
  [
    'PUBLISH.Options',
    [16, 1, {}, 'com.topic'],
    2,
    {
      acknowledge: NO_BOOLEANS,
      exclude_me: NO_BOOLEANS,
      disclose_me: NO_BOOLEANS,
      retain: NO_BOOLEANS,
      exclude: NO_ID_LISTS,
      exclude_authid: NO_TEXT_LISTS,
      exclude_authrole: NO_TEXT_LISTS,
      eligible: NO_ID_LISTS,
      eligible_authid: NO_TEXT_LISTS,
      eligible_authrole: NO_TEXT_LISTS,
    },
  ],
  ['SUBSCRIBE.Options', [32, 1, {}, 'com.topic'], 2, { match: [1, 'fuzzy', '', null], get_retained: NO_BOOLEANS }],
  [
    'CALL.Options',
    [48, 1, {}, 'com.procedure'],
    2,
    { timeout: [-1, 1.5, '1', true, null], receive_progress: NO_BOOLEANS, disclose_me: NO_BOOLEANS },
  ],
  ['CANCEL.Options', [49, 1, {}], 2, { mode: [1, 'softly', '', null] }],
  [
    'REGISTER.Options',
    [64, 1, {}, 'com.procedure'],
    2,
    {
      match: [1, 'fuzzy', null],
      invoke: [1, 'all', null],
      disclose_caller: NO_BOOLEANS,
      force_reregister: NO_BOOLEANS,
      forward_timeout: NO_BOOLEANS,
    },
  ],
  ['YIELD.Options', [70, 1, {}], 2, { progress: NO_BOOLEANS }],
];

let router: RunningRouter;
beforeAll(async () => {
  router = await startRouter();
});
afterAll(() => router.stop());

/** Ended by ABORT and nothing after it. @returns what ABORT says */
async function aborted(client: RawClient, code = 1002): Promise<{ reason: string; text: unknown }> {
  const { reason, details } = await client.expect(3);
  expect((await client.ended).code).toBe(code);
  await expect(client.take()).rejects.toThrow('ended');
  return { reason, text: details.message };
}

function withElement(message: readonly unknown[], at: number, value: unknown): unknown[] {
  return message.map((element, index) => (index === at ? value : element));
}

function messageFaults(name: RawName): void {
  const joined = async () => (await RawClient.connect(router.url, name)).join('realm1');

  describe('wrong types end the session', () => {
    for (const shape of SHAPES) {
      for (const [at, [field, values]] of shape.bad.entries()) {
        it(`PITFALLS 25, 26: ${shape.name}.${field}`, async () => {
          for (const value of values) {
            const client = await joined();
            client.send(withElement(shape.good, at + 1, value));
            const { reason, text } = await aborted(client);
            expect({ value, reason }).toEqual({ value, reason: VIOLATION });
            expect(text).toContain(field);
          }
        });
      }

      it(`PITFALLS 25: ${shape.name} with too few or too many elements`, async () => {
        for (const message of [shape.good.slice(0, shape.least - 1), [...shape.good, {}], [shape.good[0]]]) {
          const client = await joined();
          client.send(message);
          const { reason, text } = await aborted(client);
          expect({ message, reason }).toEqual({ message, reason: VIOLATION });
          expect(text).toContain(shape.name);
        }
      });
    }

    for (const [where, message, at, options] of OPTIONS) {
      for (const [key, values] of Object.entries(options)) {
        it(`PITFALLS 27: ${where}.${key}`, async () => {
          for (const value of values) {
            const client = await joined();
            client.send(withElement(message, at, { [key]: value }));
            const { reason, text } = await aborted(client);
            expect({ value, reason }).toEqual({ value, reason: VIOLATION });
            expect(text).toContain(`${where}.${key}`);
          }
        });
      }
    }

    it('PITFALLS 27: unknown keys are ignored, whatever their type, and not forwarded', async () => {
      const [client, callee] = await Promise.all([joined(), joined()]);
      const odd = { _own: [null], x_future: { deep: true }, whatever: 7, constructor: 1, toString: null };
      const registration = await callee.register('com.odd', odd);
      const subscription = await callee.subscribe('com.odd.topic', odd);
      const request = client.call('com.odd', odd);
      expect(await callee.take()).toEqual([68, 1, registration, {}]);
      callee.send([70, 1, odd]);
      expect(await client.take()).toEqual([50, request, {}]);
      client.publish('com.odd.topic', odd);
      expect(await callee.take()).toEqual([36, subscription, expect.any(Number), {}]);
      callee.close();
      client.close();
    });
  });

  describe('what is no message', () => {
    const values: readonly unknown[] = [
      [],
      {},
      null,
      'HELLO',
      1,
      true,
      [[]],
      [null],
      ['1'],
      [1.5, 1, {}],
      [true, 1, {}],
      [-1],
      [0],
      [7, 1, 1],
      [71, 1, {}],
      [255, 1],
      [256, 1, {}],
      [1023],
      [2 ** 31],
      [TOO_BIG],
    ];
    for (const value of values) {
      it(`PITFALLS 25: ${JSON.stringify(value, (_key, item) => (typeof item === 'bigint' ? `${item}` : item))}`, async () => {
        const client = await joined();
        client.send(value);
        expect((await aborted(client)).reason).toBe(VIOLATION);
      });
    }

    it('PITFALLS 3: what only routers send', async () => {
      const messages = [
        [2, 1, {}],
        [4, 'ticket', {}],
        [17, 1, 1],
        [33, 1, 1],
        [35, 1],
        [36, 1, 1, {}],
        [50, 1, {}],
        [65, 1, 1],
        [67, 1],
        [68, 1, 1, {}],
        [69, 1, {}],
      ];
      for (const message of messages) {
        const client = await joined();
        client.send(message);
        expect((await aborted(client)).reason).toBe(VIOLATION);
      }
    });

    it('PITFALLS 25: bytes that cannot be decoded', async () => {
      for (const bytes of garbage(name)) {
        const client = await joined();
        client.sendBytes(bytes);
        expect((await aborted(client)).reason).toBe(VIOLATION);
      }
    });

    it('PITFALLS 75: nested a hundred thousand deep', async () => {
      const client = await joined();
      client.sendBytes(nested(name, 100_000));
      expect((await aborted(client)).reason).toBe(VIOLATION);
    });

    it(`PITFALLS 77: ${name === 'json' ? 'binary on JSON' : 'text on a binary subprotocol'} is closed with 1003`, async () => {
      const client = await joined();
      client.sendBytes('[32,1,{},"com.topic"]', name === 'json');
      expect((await aborted(client, 1003)).reason).toBe(VIOLATION);
    });
  });

  describe('ids', () => {
    it('PITFALLS 22: 2^53 is an id like any other', async () => {
      const client = await joined();
      client.send([32, 2 ** 53, {}, 'com.topic']);
      expect(await client.message()).toMatchObject({ type: 33, request: 2 ** 53 });
      client.close();
    });

    it('PITFALLS 24: gaps and repetitions of request ids are accepted', async () => {
      const client = await joined();
      for (const request of [7, 7, 3, 1_000_000]) {
        client.send([32, request, {}, 'com.topic']);
        expect(await client.message()).toMatchObject({ type: 33, request });
      }
      client.close();
    });

    it('PITFALLS 24: a CALL under the id of a call still pending ends the session', async () => {
      const [callee, caller] = await Promise.all([joined(), joined()]);
      await callee.register('com.pending');
      caller.send([48, 5, {}, 'com.pending']);
      await callee.expect(68);
      caller.send([48, 5, {}, 'com.pending']);
      expect((await aborted(caller)).reason).toBe(VIOLATION);
      callee.close();
    });

    it('PITFALLS 53, 62: YIELD or ERROR for an invocation that was never sent ends the session', async () => {
      for (const message of [
        [70, 1, {}],
        [8, 68, 1, {}, 'com.error'],
      ]) {
        const client = await joined();
        client.send(message);
        expect((await aborted(client)).reason).toBe(VIOLATION);
      }
    });
  });

  describe('URIs', () => {
    const illegal = ['', '.', 'com.', '.com', 'com..x', 'com x', 'com\u00a0x', 'com\u3000x', 'com.#', 'a\tb'];

    it('PITFALLS 28: an illegal URI is refused with invalid_uri and costs the request only', async () => {
      const client = await joined();
      for (const uri of illegal) {
        for (const [type, options] of [
          [16, { acknowledge: true }],
          [32, {}],
          [48, {}],
          [64, {}],
        ] as const) {
          const request = client.next();
          client.send([type, request, options, uri]);
          expect(await client.message()).toMatchObject({
            type: 8,
            requestType: type,
            request,
            error: 'wamp.error.invalid_uri',
          });
        }
      }
      client.close();
    });

    it('PITFALLS 28: an ERROR under a URI that is none ends the callee', async () => {
      const [callee, caller] = await Promise.all([joined(), joined()]);
      await callee.register('com.error.none');
      caller.call('com.error.none');
      const { request } = await callee.expect(68);
      callee.send([8, 68, request, {}, 'no uri']);
      expect((await aborted(callee)).reason).toBe(VIOLATION);
      expect(await caller.message()).toMatchObject({ type: 8, requestType: 48, error: 'wamp.error.canceled' });
      caller.close();
    });

    it('PITFALLS 28: letters of any script and upper case are legal', async () => {
      const client = await joined();
      await client.subscribe('Com.Größe.語.ß-1_x:y/z');
      client.close();
    });

    it('PITFALLS 29: empty components are legal in patterns', async () => {
      const client = await joined();
      for (const uri of ['.', '..a', 'a..', 'a..b', 'a.b']) {
        await client.subscribe(uri, { match: 'wildcard' });
        await client.register(uri, { match: 'wildcard' });
      }
      // The one that hears meta events comes last.
      for (const uri of ['a.', 'a.b.', 'a.b', '']) await client.subscribe(uri, { match: 'prefix' });
      client.close();
    });
  });

  describe('payload', () => {
    it('PITFALLS 26: null as Arguments or ArgumentsKw is as absent', async () => {
      const [callee, caller] = await Promise.all([joined(), joined()]);
      const registration = await callee.register('com.null');
      caller.call('com.null', {}, null, null);
      expect(await callee.take()).toEqual([68, 1, registration, {}]);
      caller.call('com.null', {}, null, { k: 1 });
      expect(await callee.take()).toEqual([68, 2, registration, {}, [], { k: 1 }]);
      caller.call('com.null', {}, [1], null);
      expect(await callee.take()).toEqual([68, 3, registration, {}, [1]]);
      for (const client of [callee, caller]) client.close();
    });

    it('PITFALLS 31: empty Arguments and ArgumentsKw are not sent on', async () => {
      const [callee, caller] = await Promise.all([joined(), joined()]);
      const registration = await callee.register('com.empty');
      caller.call('com.empty', {}, [], {});
      expect(await callee.take()).toEqual([68, 1, registration, {}]);
      caller.call('com.empty', {}, [], { k: 1 });
      expect(await callee.take()).toEqual([68, 2, registration, {}, [], { k: 1 }]);
      for (const client of [callee, caller]) client.close();
    });
  });
}

function garbage(name: RawName): readonly (Buffer | string)[] {
  if (name === 'json') {
    return [
      '',
      ' ',
      '[',
      '{',
      '[1',
      '[1,',
      '[1,]',
      '[32,1,{},"com.topic"',
      '[32,1,{},"x"]]',
      '[01]',
      '[NaN]',
      'undefined',
    ];
  }
  const cut = Buffer.from(name === 'msgpack' ? '942001' : '8418200', 'hex');
  return [
    Buffer.alloc(0),
    cut,
    Buffer.of(0xc1),
    Buffer.of(0xff),
    Buffer.from('[32,1,{},"com.topic"]'),
    Buffer.alloc(64, 0xfe),
  ];
}

/** A PUBLISH with that many lists in one another as its payload. */
function nested(name: RawName, depth: number): Buffer {
  if (name === 'json') return Buffer.from(`[16,1,{},"com.topic",${'['.repeat(depth)}${']'.repeat(depth)}]`);
  const head = name === 'msgpack' ? '951001 80 a9 636f6d2e746f706963' : '851001 a0 69 636f6d2e746f706963';
  const open = Buffer.alloc(depth, name === 'msgpack' ? 0x91 : 0x81);
  return Buffer.concat([
    Buffer.from(head.replaceAll(' ', ''), 'hex'),
    open,
    Buffer.of(name === 'msgpack' ? 0x90 : 0x80),
  ]);
}

for (const name of RAW_NAMES) describe(name, () => messageFaults(name));

describe('ids as floating point numbers', () => {
  // [SUBSCRIBE, 1.0, {}, "t.x"] in the encodings that know the difference.
  const subscribe = {
    msgpack: ['94cb4040000000000000cb3ff000000000000080a3742e78', '94ca42000000ca3f80000080a3742e78'],
    cbor: ['84fb4040000000000000fb3ff0000000000000a063742e78', '84f95000f93c00a063742e78'],
  };
  for (const [name, messages] of Object.entries(subscribe)) {
    it(`PITFALLS 22, 73: a float that holds an integer is accepted as type and as id (${name})`, async () => {
      const client = await (await RawClient.connect(router.url, name as RawName)).join('realm1');
      for (const message of messages) {
        client.sendBytes(Buffer.from(message, 'hex'));
        expect(await client.message()).toMatchObject({ type: 33, request: 1 });
      }
      client.close();
    });
  }
});

describe('a realm that is strict about request ids', () => {
  it('PITFALLS 24: takes 1, 2, 3 and ends who leaves a gap', async () => {
    const strict = await startRouter({
      realms: {
        strict:
          'realm: strict\nstrictRequestIds: true\nanonymous: { role: any }\n' +
          'roles: { any: [{ uri: com., match: prefix, allow: [subscribe] }] }\n',
      },
    });
    try {
      const client = await (await RawClient.connect(strict.url)).join('strict', { roles: ALL_ROLES });
      for (const request of [1, 2, 3]) {
        client.send([32, request, {}, 'com.topic']);
        await client.expect(33);
      }
      client.send([32, 5, {}, 'com.topic']);
      expect((await aborted(client)).reason).toBe(VIOLATION);
    } finally {
      await strict.stop();
    }
  });
});
