/** Signed payloads (BRIDGES §5), through a realm with compiled rules: no socket, a clock that stands still. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileAcl } from '../../../src/acl/compile.ts';
import { MAX_NONCES_PER_KEY } from '../../../src/acl/nonces.ts';
import type { Rule } from '../../../src/acl/rule.ts';
import { Signers } from '../../../src/acl/signers.ts';
import { Plan } from '../../../src/router/plan.ts';
import { serializers } from '../../../src/serializers/registry.ts';
import type { Serializer } from '../../../src/serializers/serializer.ts';
import { canonicalText } from '../../../src/signing/canonical.ts';
import { publicKeyOf, signCommand } from '../../../src/signing/ed25519.ts';
import { REQUIRED, type SignatureSpec, signPayload } from '../../../src/signing/payload.ts';
import { ErrorUri } from '../../../src/wamp/errors.ts';
import { MessageType, type RoutedMessage } from '../../../src/wamp/messages.ts';
import { CALL_DEFAULTS } from '../../../src/wamp/options.ts';
import { type Dict, Payload } from '../../../src/wamp/payload.ts';
import { type Client, errorWire, publishMessage, TestCore } from '../../support/core.ts';
import { encodeRaw } from '../../support/raw-codec.ts';

const PRIVATE = '11'.repeat(32);
const PUBLIC = publicKeyOf(PRIVATE);
const SECOND = '22'.repeat(32);
const STRANGER = '33'.repeat(32);
const RPC: SignatureSpec = { over: ['tool', 'params'], field: 'sig', key: 'pubKey' };
const TOPIC = 'yamtam.task.dispatch';
const PROCEDURE = 'yamtam.agent.run-tool';

const rule = (uri: string, changes: Partial<Rule>): Rule => ({
  uri,
  match: 'exact',
  allow: ['publish', 'call', 'register', 'subscribe'],
  deny: [],
  disclose: [],
  at: 'r.yaml:1',
  ...changes,
});

const RULES = [
  rule('', { match: 'prefix' }),
  rule(TOPIC, { allow: [], signature: REQUIRED }),
  rule(PROCEDURE, { allow: [], signature: RPC }),
  rule('x.fresh', { allow: [], signature: { ...RPC, ts: 'ts', nonce: 'nonce' } }),
];

interface Scene {
  readonly core: TestCore;
  readonly signers: Signers;
  readonly planner: Client;
  /** Gets what is published, and is called. */
  readonly worker: Client;
  readonly configure: (rules: readonly Rule[], ...keys: string[]) => void;
}

function scene(rules: readonly Rule[] = RULES, meta = false): Scene {
  const core = new TestCore({ meta });
  const signers = new Signers();
  const configure = (now: readonly Rule[], ...keys: string[]): void => {
    const principals = [
      { authid: 'planner', cryptosign: keys },
      { authid: 'other', cryptosign: [publicKeyOf(STRANGER)] },
    ];
    signers.configure(principals, core.clock.now());
    core.realm.configure({
      ...core.settings,
      authorizer: compileAcl(new Map([['agent', now]]), new Map(), [], signers),
    });
  };
  configure(rules, PUBLIC, publicKeyOf(SECOND));
  const planner = core.join({ authid: 'planner', principal: 'planner' });
  const worker = core.join({ authid: 'worker', principal: 'worker' });
  for (const uri of [TOPIC, 'x.fresh']) worker.subscribed(uri);
  for (const uri of [PROCEDURE, 'x.fresh']) worker.registered(uri);
  return { core, signers, planner, worker, configure };
}

/** What the printed agents send, signed over the plain text. */
function printed(core: TestCore, changes: Dict = {}, privateKey = PRIVATE): Dict {
  const payload = {
    agentId: 'planner',
    action: 'task.start',
    command: 'sandbox-exec agent-script.sh',
    ts: core.clock.now(),
    nonce: Math.random().toString(36),
    ...changes,
  };
  return { ...payload, signature: signCommand(privateKey, JSON.stringify(payload)) };
}

const refusedPublish = (request: number) => [errorWire(MessageType.PUBLISH, request, ErrorUri.NOT_AUTHORIZED)];
const refusedCall = (request: number) => [errorWire(MessageType.CALL, request, ErrorUri.UNAUTHORIZED)];

/** Publishes acknowledged. @returns undefined: it was routed; else why not */
function publish({ core, planner, worker }: Scene, kwargs: Dict, from = planner): string | undefined {
  const before = core.observer.reasons.length;
  const request = from.publish(TOPIC, { kwargs, acknowledge: true });
  const [answer] = from.take();
  const events = worker.takeTypes().length;
  const reason = core.observer.reasons[before];
  if (reason === undefined) {
    expect(answer).toEqual([MessageType.PUBLISHED, request, expect.any(Number)]);
    expect(events).toBe(1);
    return undefined;
  }
  expect([answer]).toEqual(refusedPublish(request));
  expect(answer?.[5]).toEqual([`this session may not publish ${TOPIC}: ${reason}`]);
  expect(events).toBe(0);
  return reason;
}

describe('a rule with signature: required', () => {
  it('lets pass what a key of the principal has signed, over the plain text and over the canonical one', () => {
    const at = scene();
    expect(publish(at, printed(at.core))).toBeUndefined();
    expect(
      publish(at, signPayload(PRIVATE, { ts: at.core.clock.now(), z: 1, a: { y: 2, b: [1.0, 'é'] } })),
    ).toBeUndefined();
    expect(publish(at, printed(at.core))).toBeUndefined();
    expect(at.signers).toMatchObject({ verified: 3, refused: 0 });
  });

  it('every key of the principal signs, named by itself in hex or base64 or by the authid', () => {
    const at = scene();
    for (const privateKey of [PRIVATE, SECOND]) {
      const hex = publicKeyOf(privateKey);
      for (const agentId of ['planner', hex, hex.toUpperCase(), Buffer.from(hex, 'hex').toString('base64')]) {
        expect(publish(at, printed(at.core, { agentId }, privateKey))).toBeUndefined();
      }
    }
    const base64 = signPayload(PRIVATE, { ts: at.core.clock.now() });
    const signature = Buffer.from(String(base64.signature), 'hex').toString('base64');
    expect(publish(at, { ...base64, signature })).toBeUndefined();
  });

  it('the key must be one of the sender: of no other principal, of no stranger, and the one that is named', () => {
    const at = scene();
    const key = /^signature: kwarg agentId is neither a key of this session's principal nor its authid$/;
    const agentIds = ['other', 'worker', '', 'Planner', publicKeyOf(STRANGER), 7, null, undefined, ['planner']];
    for (const agentId of agentIds) expect(publish(at, printed(at.core, { agentId }))).toMatch(key);
    expect(publish(at, printed(at.core, { agentId: PUBLIC }, SECOND))).toMatch(/by the key that is named$/);
    expect(publish(at, printed(at.core, {}, STRANGER))).toMatch(/by the key that is named$/);
    const other = at.core.join({ authid: 'other', principal: 'other' });
    expect(publish(at, printed(at.core), other)).toMatch(key);
    expect(publish(at, printed(at.core, { agentId: 'other' }), other)).toMatch(/by the key that is named$/);
  });

  it('a session counts by its principal, never by its authid alone', () => {
    const at = scene();
    const why = 'signature: the session has no principal with a key to sign with';
    const nobody = at.core.join({ authid: 'planner' });
    expect(publish(at, printed(at.core), nobody)).toBe(why);
    const bridged = at.core.join({ authid: 'agent:planner', principal: 'planner' });
    for (const agentId of ['agent:planner', 'planner', PUBLIC]) {
      expect(publish(at, printed(at.core, { agentId }), bridged)).toBeUndefined();
    }
  });

  it('whatever is changed, added, taken away or put in another order, it is refused', () => {
    const at = scene();
    const fresh = (): Dict => printed(at.core);
    const less = ({ command: _command, ...rest }: Dict): Dict => rest;
    const wrong = /^signature: it is not one of what was sent/;
    expect(publish(at, { ...fresh(), command: 'rm' })).toMatch(wrong);
    expect(publish(at, { ...fresh(), more: 1 })).toMatch(wrong);
    expect(publish(at, less(fresh()))).toMatch(wrong);
    const { nonce, ...rest } = fresh();
    expect(publish(at, { nonce, ...rest })).toMatch(wrong);
    // The place of the signature itself is nobody's affair.
    const { signature, ...signed } = fresh();
    expect(publish(at, { signature, ...signed })).toBeUndefined();
  });

  it.each([
    ['missing', undefined],
    ['missing', null],
    ['no signature', ''],
    ['no signature', 'ab'.repeat(63)],
    ['no signature', 'x'.repeat(128)],
    ['no signature', 'ab'.repeat(100_000)],
    ['no signature', 7],
    ['no signature', ['ab'.repeat(64)]],
  ])('a signature that is %s (%#) is named', (what, signature) => {
    const at = scene();
    const { signature: _signature, ...rest } = printed(at.core);
    const kwargs = signature === undefined ? rest : { ...rest, signature };
    const said = signature === null ? 'no signature' : what;
    expect(publish(at, kwargs)).toBe(`signature: kwarg signature is ${said}, 64 bytes in hex or base64 expected`);
  });

  it('no kwargs, and args beside them, are refused: nobody signed what stands there', () => {
    const at = scene();
    const { planner, worker, core } = at;
    planner.publish(TOPIC, { acknowledge: true });
    planner.publish(TOPIC, { args: [printed(core)], acknowledge: true });
    planner.publish(TOPIC, { args: ['rm'], kwargs: printed(core), acknowledge: true });
    expect(planner.take()).toEqual([refusedPublish(1)[0], refusedPublish(2)[0], refusedPublish(3)[0]]);
    expect(worker.take()).toEqual([]);
    expect(core.observer.reasons).toEqual([
      'signature: kwarg signature is missing',
      'signature: kwarg signature is missing',
      'signature: args are not covered by it, kwargs only expected',
    ]);
  });
});

it('a payload in passthru mode is refused: the router cannot read what is signed', () => {
  const { planner, worker, core } = scene();
  const passthru = Object.freeze({ ppt_scheme: 'x_own' });
  planner.publish(TOPIC, { args: [printed(core)], passthru, acknowledge: true });
  planner.call(PROCEDURE, { args: [printed(core)], passthru });
  expect(planner.take()).toEqual([...refusedPublish(1), ...refusedCall(2)]);
  expect(worker.take()).toEqual([]);
  const why = 'signature: a payload in payload passthru mode cannot be verified';
  expect(core.observer.reasons).toEqual([why, why]);
});

describe('refusals', () => {
  it('of an acknowledged publication not_authorized, of an unacknowledged one nothing at all, of a call unauthorized', () => {
    const { planner, worker, core, signers } = scene();
    const kwargs = { ...printed(core), command: 'rm' };
    planner.publish(TOPIC, { kwargs });
    expect(planner.take()).toEqual([]);
    planner.publish(TOPIC, { kwargs, acknowledge: true });
    expect(planner.take()).toEqual(refusedPublish(2));
    planner.call(PROCEDURE, { kwargs: { tool: 'fetch' } });
    expect(planner.take()).toEqual(refusedCall(3));
    expect(worker.take()).toEqual([]);
    // Each is counted and told to the log.
    expect(core.observer.refusals.map(({ action, uri }) => [action, uri])).toEqual([
      ['publish', TOPIC],
      ['publish', TOPIC],
      ['call', PROCEDURE],
    ]);
    expect(signers.refused).toBe(3);
  });

  it('name kwargs, never what is in them', () => {
    const { planner, core } = scene();
    const secret = 'hunter2';
    for (const changes of [{ agentId: secret }, { ts: secret }, { nonce: [secret] }, { command: secret }]) {
      planner.publish(TOPIC, { kwargs: { ...printed(core), ...changes }, acknowledge: true });
    }
    expect(core.observer.reasons).toHaveLength(4);
    expect(JSON.stringify([core.observer.reasons, planner.take()])).not.toContain(secret);
  });

  it('a plan of a bridge is refused alike, and without a trace in the realm', () => {
    const { planner, core } = scene();
    const plans: unknown[] = [];
    for (const kwargs of [{ a: 1 }, printed(core)]) {
      core.realm.plan(planner.session, publishMessage(0, TOPIC, { kwargs }), (plan) => plans.push(plan));
    }
    expect(plans).toEqual([expect.objectContaining({ uri: ErrorUri.NOT_AUTHORIZED }), expect.any(Plan)]);
  });
});

describe('ts and nonce', () => {
  it('ts within 60 s of the clock of the router, on both sides, in ms', () => {
    const at = scene();
    const now = at.core.clock.now();
    for (const skew of [-60_000, 60_000, 0]) expect(publish(at, printed(at.core, { ts: now + skew }))).toBeUndefined();
    const why = "signature: kwarg ts is not within 60 s of the router's clock, ms since the epoch expected";
    for (const ts of [now - 60_001, now + 60_001, Math.round(now / 1000), `${now}`, null, [now], -now, 0]) {
      expect(publish(at, printed(at.core, { ts }))).toBe(why);
    }
  });

  it('a nonce is taken once within the window, whatever else is in the message and whoever sends it', () => {
    const at = scene();
    const { core, signers } = at;
    const again = 'signature: kwarg nonce was used before';
    const kwargs = printed(core, { nonce: 'n' });
    expect(publish(at, kwargs)).toBeUndefined();
    expect(publish(at, kwargs)).toBe(again);
    expect(publish(at, printed(core, { nonce: 'n', command: 'other' }))).toBe(again);
    const second = core.join({ authid: 'planner', principal: 'planner' });
    expect(publish(at, kwargs, second)).toBe(again);
    core.clock.advance(60_000);
    expect(publish(at, kwargs)).toBe(again);
    core.clock.advance(1);
    expect(publish(at, kwargs)).toMatch(/^signature: kwarg ts is not within 60 s/);
    expect(publish(at, printed(core, { nonce: 'n' }))).toBeUndefined();
    expect(signers.keysOf('planner')[0]?.nonces.size).toBeLessThanOrEqual(2);
  });

  it('a message from the future is remembered until it is past its window', () => {
    const at = scene();
    const kwargs = printed(at.core, { ts: at.core.clock.now() + 60_000 });
    expect(publish(at, kwargs)).toBeUndefined();
    at.core.clock.advance(119_000);
    expect(publish(at, kwargs)).toMatch(/was used before$/);
  });

  it('each key has nonces of its own, and what was refused uses none up', () => {
    const at = scene();
    const forged = { ...printed(at.core, { nonce: 'n' }), command: 'rm' };
    expect(publish(at, forged)).toMatch(/by the key that is named$/);
    expect(publish(at, printed(at.core, { nonce: 'n' }))).toBeUndefined();
    expect(publish(at, printed(at.core, { nonce: 'n', agentId: publicKeyOf(SECOND) }, SECOND))).toBeUndefined();
    expect(publish(at, printed(at.core, { nonce: 'n', agentId: publicKeyOf(SECOND) }, SECOND))).toMatch(/used before$/);
  });

  it('a nonce is a text of 1 to 128 characters', () => {
    const at = scene();
    expect(publish(at, printed(at.core, { nonce: 'n'.repeat(128) }))).toBeUndefined();
    for (const nonce of ['', 'n'.repeat(129), 7, null, ['n']]) {
      expect(publish(at, printed(at.core, { nonce }))).toBe('signature: kwarg nonce is no text of 1 to 128 characters');
    }
  });

  it('what was signed before a reload does not pass again after it', () => {
    const at = scene();
    const kwargs = printed(at.core);
    expect(publish(at, kwargs)).toBeUndefined();
    at.configure(RULES, PUBLIC);
    expect(publish(at, kwargs)).toMatch(/was used before$/);
    expect(publish(at, printed(at.core, {}, SECOND))).toMatch(/by the key that is named$/);
  });

  it('where no more nonces can be remembered a message is refused rather than let pass twice', () => {
    const at = scene();
    const now = at.core.clock.now();
    const [first, second] = at.signers.keysOf('planner');
    const fill = (key = first) => {
      for (let i = 0; i < MAX_NONCES_PER_KEY; i++) key?.nonces.add(`${i}`, now);
    };
    fill();
    // The authid stands for both keys, and only one of them is full.
    expect(publish(at, printed(at.core))).toMatch(/by the key that is named$/);
    expect(first?.nonces.size).toBe(MAX_NONCES_PER_KEY);
    expect(publish(at, printed(at.core, {}, SECOND))).toBeUndefined();
    fill(second);
    expect(publish(at, printed(at.core))).toBe('signature: too many messages of this key within a minute');
    at.core.clock.advance(90_000);
    expect(publish(at, printed(at.core))).toBeUndefined();
  });

  it('a rule without them takes the same message as often as it comes', () => {
    const { planner, worker, core } = scene();
    const kwargs = signPayload(PRIVATE, { tool: 'fetch', params: {} }, RPC);
    for (let i = 0; i < 3; i++) planner.call(PROCEDURE, { kwargs });
    expect(worker.takeTypes()).toEqual([68, 68, 68]);
    expect(core.observer.reasons).toEqual([]);
  });

  it('property: of any sequence of messages each pair of key and nonce passes at most once in its window', () => {
    const step = fc.record({
      key: fc.constantFrom(PRIVATE, SECOND),
      nonce: fc.constantFrom('a', 'b', 'c'),
      skew: fc.integer({ min: -70_000, max: 70_000 }),
      wait: fc.integer({ min: 0, max: 40_000 }),
      by: fc.constantFrom('authid', 'key'),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
        const at = scene();
        const until = new Map<string, number>();
        for (const { key, nonce, skew, wait, by } of steps) {
          at.core.clock.advance(wait);
          const now = at.core.clock.now();
          const ts = now + skew;
          const name = `${key} ${nonce}`;
          const passes = Math.abs(skew) <= 60_000 && (until.get(name) ?? 0) < now;
          const agentId = by === 'key' ? publicKeyOf(key) : 'planner';
          expect(publish(at, printed(at.core, { agentId, nonce, ts }, key)) === undefined).toBe(passes);
          if (passes) until.set(name, ts + 60_000);
        }
      }),
      { numRuns: 25 },
    );
  });
});

describe('the RPC form of the agents', () => {
  const call = (at: Scene, kwargs: Dict): 'invoked' | string => {
    at.planner.call(PROCEDURE, { kwargs });
    return at.worker.takeTypes().length === 1 ? 'invoked' : (at.core.observer.reasons.at(-1) ?? '');
  };

  it('as printed it signs other params than it sends, and is refused; corrected it passes', () => {
    const at = scene();
    const sent = { tool: 'fetch', params: { url: 'https://api.github.com/zen' }, pubKey: PUBLIC };
    const sig = (over: Dict) => signCommand(PRIVATE, JSON.stringify(over));
    expect(call(at, { ...sent, sig: sig({ tool: 'fetch', params: {} }) })).toMatch(/^signature: it is not one of what/);
    expect(call(at, { ...sent, sig: sig({ tool: sent.tool, params: sent.params }) })).toBe('invoked');
  });

  it('names that are not there are not covered, and others may be anything', () => {
    const at = scene();
    const sig = signCommand(PRIVATE, '{"tool":"x"}');
    expect(call(at, { tool: 'x', pubKey: PUBLIC, sig, note: 1 })).toBe('invoked');
    expect(call(at, { tool: 'x', params: 1, pubKey: PUBLIC, sig })).toMatch(/not one of what/);
  });

  it('with ts and nonce a repetition is refused', () => {
    const { planner, core } = scene();
    const spec = { ...RPC, over: ['tool', 'ts', 'nonce'], ts: 'ts', nonce: 'nonce' };
    const kwargs = signPayload(PRIVATE, { tool: 'x', ts: core.clock.now() }, spec);
    planner.call('x.fresh', { kwargs });
    expect(core.observer.reasons).toEqual(['signature: it is not one of what was sent, by the key that is named']);
    const right = signPayload(PRIVATE, { tool: 'x', ts: core.clock.now(), nonce: 'n' }, RPC);
    planner.call('x.fresh', { kwargs: right });
    planner.call('x.fresh', { kwargs: right });
    expect(core.observer.reasons.slice(1)).toEqual(['signature: kwarg nonce was used before']);
  });
});

describe('several rules', () => {
  it('what each of them asks for adds up, also of rules that allow nothing themselves', () => {
    const at = scene([...RULES, rule('yamtam.', { match: 'prefix', allow: [], signature: RPC })]);
    const both = (changes: Dict = {}) => printed(at.core, { ...signPayload(PRIVATE, { tool: 'x' }, RPC), ...changes });
    expect(publish(at, both())).toBeUndefined();
    expect(publish(at, printed(at.core))).toBe('signature: kwarg sig is missing, 64 bytes in hex or base64 expected');
    expect(publish(at, both({ tool: 'y' }))).toMatch(/not one of what was sent/);
    const { signature: _signature, ...one } = both();
    expect(publish(at, one)).toMatch(/kwarg signature is missing/);
  });

  it('two that both want ts and nonce do not take one message for two', () => {
    const fresh: SignatureSpec = { over: ['action'], field: 'sig', key: 'agentId', ts: 'ts', nonce: 'nonce' };
    const at = scene([...RULES, rule('yamtam.', { match: 'prefix', allow: [], signature: fresh })]);
    const kwargs = printed(at.core, { sig: signCommand(PRIVATE, '{"action":"task.start"}') });
    expect(publish(at, kwargs)).toBeUndefined();
    expect(publish(at, kwargs)).toMatch(/was used before$/);
  });

  it('a message that is published and called by a bridge is one message', () => {
    const { planner, worker, core, signers } = scene();
    const payload = Payload.of([], signPayload(PRIVATE, { tool: 'x', ts: core.clock.now(), nonce: 'n' }, RPC));
    const message = { ...publishMessage(0, 'x.fresh', {}), payload };
    for (let i = 0; i < 2; i++) {
      core.realm.plan(planner.session, message, (plan) => expect(plan).toBeInstanceOf(Plan));
    }
    planner.send({ type: MessageType.CALL, request: 1, options: CALL_DEFAULTS, procedure: 'x.fresh', payload });
    expect(worker.takeTypes()).toEqual([68]);
    expect(signers).toMatchObject({ verified: 1, refused: 0 });
  });
});

describe('calls in parts', () => {
  const part = (at: Scene, request: number, progress: boolean, kwargs: Dict): void => {
    at.planner.call(PROCEDURE, { request, progress, kwargs });
  };
  const signed = (tool: string): Dict => signPayload(PRIVATE, { tool }, RPC);

  it('every part is judged; where one fails the call is over for both ends', () => {
    const at = scene();
    part(at, 1, true, signed('one'));
    part(at, 1, true, signed('two'));
    expect(at.worker.takeTypes()).toEqual([68, 68]);
    part(at, 1, true, { ...signed('three'), tool: 'rm' });
    expect(at.planner.take()).toEqual(refusedCall(1));
    expect(at.worker.takeTypes()).toEqual([69]);
    part(at, 1, false, signed('four'));
    expect([at.worker.take(), at.planner.take()]).toEqual([[], []]);
    expect(at.signers).toMatchObject({ verified: 2, refused: 1 });
  });

  it('the rules of now decide, and its keys', () => {
    const at = scene();
    part(at, 1, true, signed('one'));
    at.configure(RULES, publicKeyOf(SECOND));
    part(at, 1, false, signed('two'));
    expect(at.planner.take()).toEqual(refusedCall(1));
  });

  it('a part of a call that waits for a callee is judged, too', () => {
    const at = scene();
    at.worker.vanish();
    const callee = at.core.join({ authid: 'slow' });
    callee.registered(PROCEDURE, { concurrency: 1 });
    at.planner.call(PROCEDURE, { request: 1, kwargs: signed('one') });
    part(at, 2, true, signed('two'));
    part(at, 2, true, { tool: 'rm' });
    expect(at.planner.take()).toEqual(refusedCall(2));
    callee.yield(1);
    expect(callee.takeTypes()).toEqual([68]);
  });
});

describe('testaments', () => {
  it('are judged when they are left, and published though their time has come much later', () => {
    const { planner, worker, core } = scene(RULES, true);
    const add = (kwargs: Dict) => planner.call('wamp.session.add_testament', { args: [TOPIC, [], kwargs] });
    const bad = add({ ...printed(core), command: 'rm' });
    const good = add(printed(core));
    expect(planner.take().map(([type, first, second]) => [type, type === 8 ? second : first])).toEqual([
      [8, bad],
      [50, good],
    ]);
    core.clock.advance(3_600_000);
    worker.take();
    planner.vanish();
    expect(worker.takeTypes()).toEqual([36]);
  });
});

describe.each(serializers.map((serializer) => ({ serializer, name: serializer.name })))(
  'in $name',
  ({ serializer, name }) => {
    const decode = (at: Scene, elements: readonly unknown[]): void => receive(at, encodeRaw(name as 'json', elements));
    const receive = (at: Scene, bytes: Buffer): void =>
      at.planner.send((serializer as Serializer).decode(bytes) as RoutedMessage);
    const publishRaw = (at: Scene, kwargs: Dict): string | undefined => {
      const before = at.core.observer.reasons.length;
      decode(at, [16, 1, {}, TOPIC, [], kwargs]);
      expect(at.worker.takeTypes()).toHaveLength(at.core.observer.reasons.length === before ? 1 : 0);
      return at.core.observer.reasons[before];
    };

    it('what is signed is the text of the values, as they would stand in JSON', () => {
      const at = scene();
      const values = {
        n: null,
        t: true,
        list: [1, -1.5, 2 ** 40, 'ö€😀'],
        map: { b: {}, a: [] },
        at: at.core.clock.now(),
      };
      expect(publishRaw(at, printed(at.core, values))).toBeUndefined();
      expect(publishRaw(at, signPayload(PRIVATE, { ...values, ts: at.core.clock.now() }))).toBeUndefined();
    });

    it('an integer beyond 2^53 passes where its digits are those of the canonical text', () => {
      const at = scene();
      const kwargs = printed(at.core, { n: 12345678901234567000 });
      expect(publishRaw(at, { ...kwargs, n: 12345678901234567000n })).toBeUndefined();
      // 2^53 and 2^53 + 1 have one canonical text: who signed the first has not signed the second.
      const rounded = printed(at.core, { n: 2 ** 53 });
      expect(publishRaw(at, { ...rounded, n: 2n ** 53n + 1n })).toMatch(/an integer beyond 2\^53 .* send it as text$/);
    });

    it('binary is refused clearly', () => {
      const at = scene();
      const kwargs = { ...printed(at.core), blob: Buffer.from([1, 2]) };
      expect(publishRaw(at, kwargs)).toBe('signature: binary cannot be signed');
    });

    it('what is delivered is what was signed, byte for byte', () => {
      const at = scene();
      const kwargs = printed(at.core, { z: 1, a: [2.5] });
      decode(at, [16, 1, {}, TOPIC, [], kwargs]);
      const [event] = at.worker.peer.takeMessages();
      const payload = event !== undefined && 'payload' in event ? event.payload : Payload.EMPTY;
      expect(encodeRaw(name as 'json', kwargs)).toEqual(
        payload.tail(serializer).bytes.subarray(-encodeRaw(name as 'json', kwargs).length),
      );
      const { signature, ...signed } = payload.value().kwargs ?? {};
      expect(signature).toBe(signCommand(PRIVATE, JSON.stringify(signed)));
    });
  },
);

describe('a key that stands twice', () => {
  const [json, msgpack, cbor] = serializers;
  const receive = (at: Scene, serializer: Serializer | undefined, bytes: Buffer): string | undefined => {
    at.planner.send(serializer?.decode(bytes) as RoutedMessage);
    return at.core.observer.reasons.at(-1);
  };
  const twice = 'signature: a key stands twice in a map of the payload';

  it('in JSON is refused, at every level, however it is written and though both say the same', () => {
    const fine = (at: Scene) => JSON.stringify(printed(at.core, { deep: [{ a: 1, b: { c: 2 } }] }));
    const send = (change: (text: string) => string): string | undefined => {
      const at = scene();
      return receive(at, json, Buffer.from(`[16,1,{},"${TOPIC}",[],${change(fine(at))}]`));
    };
    expect(send((text) => text)).toBeUndefined();
    expect(send((text) => text.replace(':', ' :  '))).toBeUndefined();
    expect(send((text) => text.replace('{', '{"command":"rm",'))).toBe(twice);
    expect(send((text) => text.replace('"a":1', '"a":1,"a":1'))).toBe(twice);
    expect(send((text) => text.replace('"c":2', '"c":1,"c":2'))).toBe(twice);
    expect(send((text) => text.replace('"a":1', '"\\u0061":9,"a":1'))).toBe(twice);
    expect(send((text) => text.replace('"a":1', '"x:\\":":1,"x:\\":":1,"a":1'))).toBe(twice);
  });

  it('in MessagePack is refused', () => {
    const at = scene();
    const kwargs = printed(at.core);
    const bytes = encodeRaw('msgpack', [16, 1, {}, TOPIC, [], kwargs]);
    // One pair more in the map, before those that are there.
    const map = bytes.indexOf(Buffer.from([0x80 + Object.keys(kwargs).length, 0xa7]));
    const head = Buffer.from([0x81 + Object.keys(kwargs).length]);
    const extra = encodeRaw('msgpack', { command: 'rm' }).subarray(1);
    const doubled = Buffer.concat([bytes.subarray(0, map), head, extra, bytes.subarray(map + 1)]);
    expect(receive(at, msgpack, doubled)).toBe(twice);
    expect(receive(at, msgpack, bytes)).toBe(twice);
    expect(at.signers).toMatchObject({ verified: 1, refused: 1 });
  });

  it('PITFALLS 73: in CBOR the message is no message at all', () => {
    const at = scene();
    const kwargs = printed(at.core);
    const bytes = encodeRaw('cbor', [16, 1, {}, TOPIC, [], kwargs]);
    const map = bytes.indexOf(Buffer.from([0xa0 + Object.keys(kwargs).length, 0x67]));
    const head = Buffer.from([0xa1 + Object.keys(kwargs).length]);
    const extra = encodeRaw('cbor', { command: 'rm' }).subarray(1);
    const doubled = Buffer.concat([bytes.subarray(0, map), head, extra, bytes.subarray(map + 1)]);
    expect(() => cbor?.decode(doubled)).toThrow('twice');
  });
});

it('messages that no rule wants signed are not looked into', () => {
  const { planner, worker } = scene();
  const codec = {
    index: 0 as const,
    decodePayload: () => expect.fail('decoded'),
    repeatsKey: () => expect.fail('walked over'),
    encodePayload: () => expect.fail('encoded'),
  };
  worker.subscribed('plain');
  const payload = Payload.raw(codec, { bytes: Buffer.from('[1]'), elements: 1 });
  planner.send({ ...publishMessage(1, 'plain'), payload });
  expect(worker.peer.takeMessages()).toHaveLength(1);
});

it('what one has signed canonically another program signs alike', () => {
  // As a program in another language would: RFC 8785 by hand.
  const at = scene();
  const ts = at.core.clock.now();
  const text = `{"agentId":"planner","nonce":"n","params":{"a":1,"b":[1e+21,0.000001]},"ts":${ts}}`;
  const kwargs = { ts, params: { b: [1e21, 1e-6], a: 1 }, nonce: 'n', agentId: 'planner' };
  expect(canonicalText(kwargs)).toBe(text);
  expect(publish(at, { ...kwargs, signature: signCommand(PRIVATE, text) })).toBeUndefined();
});
