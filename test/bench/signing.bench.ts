/**
 * What a signed message costs the router beside an unsigned one; prints a table and fails nothing.
 *
 *     npx vitest bench test/bench/signing.bench.ts --run
 */
import nacl from 'tweetnacl';
import { bench, describe } from 'vitest';
import { compileAcl } from '../../src/acl/compile.ts';
import { Signers, type SigningKey } from '../../src/acl/signers.ts';
import type { Decision, Identity, PayloadCheck } from '../../src/router/authorizer.ts';
import { json } from '../../src/serializers/json.ts';
import { textsOf } from '../../src/signing/canonical.ts';
import { publicKeyOf, signCommand } from '../../src/signing/ed25519.ts';
import { covered, REQUIRED, signPayload } from '../../src/signing/payload.ts';
import type { Publish } from '../../src/wamp/messages.ts';
import type { Dict } from '../../src/wamp/payload.ts';

const PRIVATE = '11'.repeat(32);
const NOW = 1_800_000_000_000;
const who: Identity = { authid: 'p', authrole: 'a', authmethod: 'ticket', authprovider: 'static', principal: 'p' };

const signers = new Signers();
signers.configure([{ authid: 'p', cryptosign: [publicKeyOf(PRIVATE)] }], NOW);
const [key] = signers.keysOf('p') as [SigningKey];
const said = { disclose: [], deny: [], match: 'exact', allow: ['publish', 'call'], at: '' } as const;
// The same but for the nonces, so that one message can be judged again and again.
const { nonce: _nonce, ts: _ts, ...WITHOUT } = REQUIRED;
const acl = compileAcl(
  new Map([
    [
      'a',
      [
        { ...said, uri: 'plain' },
        { ...said, uri: 'signed', signature: WITHOUT },
      ],
    ],
  ]),
  new Map(),
  [],
  signers,
);

/** A message as it comes from the wire, each time anew. */
function received(kwargs: Dict): () => Publish {
  const bytes = Buffer.from(JSON.stringify([16, 1, { acknowledge: true }, 'signed', [], kwargs]));
  return () => json.decode(bytes) as Publish;
}

const body = { action: 'task.start', command: 'sandbox-exec agent-script.sh', params: { depth: 3, tags: ['a', 'b'] } };
const small = signPayload(PRIVATE, { ...body, agentId: 'p', ts: NOW });
const plain = { ...body, agentId: 'p', ts: NOW, nonce: 'n' };
const kilobytes = signPayload(PRIVATE, { ...body, agentId: 'p', ts: NOW, text: 'x'.repeat(16_384) });
const check = (decision: Decision): PayloadCheck => (decision as { check: PayloadCheck }).check;
const judged = check(acl.authorize(who, 'publish', 'signed', 'exact'));

describe('one message from the wire to the decision', () => {
  const message = received(small);
  bench('no rule wants it signed', () => {
    message();
    const decision = acl.authorize(who, 'publish', 'plain', 'exact');
    if (decision.kind !== 'allow' || decision.check !== undefined) throw new Error('not plain');
  });
  const judge = (name: string, kwargs: Dict, verdict: boolean): void => {
    const make = received(kwargs);
    bench(name, () => {
      const found = judged.judge(who, make(), NOW);
      if ((found === undefined) !== verdict) throw new Error(found ?? 'verified');
    });
  };
  judge('signed, canonical text', small, true);
  judge('signed, plain text', { ...plain, signature: signCommand(PRIVATE, JSON.stringify(plain)) }, true);
  judge('signed, 16 KiB', kilobytes, true);
  judge('a signature that does not hold', { ...small, action: 'x' }, false);
  judge('no signature', plain, false);
});

describe('parts of it', () => {
  const texts = textsOf(covered(small, REQUIRED));
  const signature = Buffer.from(String(small.signature), 'hex');
  const publicKey = Buffer.from(publicKeyOf(PRIVATE), 'hex');
  bench('both texts', () => {
    textsOf(covered(small, REQUIRED));
  });
  bench('verify, OpenSSL', () => {
    key.verifies(texts[0], signature);
  });
  bench('verify, tweetnacl', () => {
    nacl.sign.detached.verify(Buffer.from(texts[0]), signature, publicKey);
  });
  let count = 0;
  bench('a nonce looked up and remembered', () => {
    count += 1;
    const nonce = `${count}`;
    key.nonces.forget(NOW);
    if (!key.nonces.hasRoom) key.nonces.clear();
    key.nonces.has(nonce, NOW);
    key.nonces.add(nonce, NOW + (count % 120_000) - 60_000);
  });
});
