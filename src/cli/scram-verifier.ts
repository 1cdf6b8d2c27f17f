import { createHash, createHmac, pbkdf2, randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { argon2idAsync } from '@noble/hashes/argon2.js';
import { saslprep } from './saslprep.ts';

const derivePbkdf2 = promisify(pbkdf2);

export type ScramKdf = 'argon2id13' | 'pbkdf2';
export type ScramDialect = 'spec' | 'autobahn';

export interface KdfParameters {
  readonly kdf: ScramKdf;
  readonly iterations: number;
  /** KiB; argon2id13 only. */
  readonly memory?: number;
}

/** OWASP's choice of 19 MiB: every joining agent pays it, so it has to do for many of them on one machine. */
const ARGON2: KdfParameters = { kdf: 'argon2id13', iterations: 2, memory: 19_456 };
/** OWASP's choice for PBKDF2-HMAC-SHA256. */
const PBKDF2: KdfParameters = { kdf: 'pbkdf2', iterations: 600_000 };
const SALT_BYTES = 16;
const KEY_BYTES = 32;

/**
 * SaltedPassword of RFC 5802 as the clients of a dialect derive it (PITFALLS 19): those of the specification prepare
 * the password; autobahn's do not, and go on with the unpadded base64 text of the argon2 hash.
 * @throws NoSecret where SASLprep refuses the password; RangeError where autobahn's clients have no such function
 */
export async function saltedPassword(
  password: string,
  salt: Buffer,
  { kdf, iterations, memory = 0 }: KdfParameters,
  dialect: ScramDialect,
): Promise<Buffer | string> {
  if (dialect === 'autobahn' && kdf !== 'argon2id13') throw new RangeError('autobahn can do argon2id13 only');
  const text = dialect === 'spec' ? saslprep(password) : password;
  if (kdf === 'pbkdf2') return derivePbkdf2(text, salt, iterations, KEY_BYTES, 'sha256');
  const cost = { t: iterations, m: memory, p: 1, dkLen: KEY_BYTES, version: 0x13 };
  const hash = Buffer.from(await argon2idAsync(text, salt, cost));
  return dialect === 'spec' ? hash : hash.toString('base64').replace(/=+$/, '');
}

/** What the router stores (RFC 5802, section 3): enough to check a proof, not enough to make one. */
export function scramKeys(salted: Buffer | string): { storedKey: Buffer; serverKey: Buffer } {
  const clientKey = createHmac('sha256', salted).update('Client Key').digest();
  return {
    storedKey: createHash('sha256').update(clientKey).digest(),
    serverKey: createHmac('sha256', salted).update('Server Key').digest(),
  };
}

/**
 * The `scram:` of a principal: for both kinds of clients, or with pbkdf2 for those that can do it. Each verifier has a
 * salt of its own, as unknown users are shown two different ones.
 * @throws NoSecret where SASLprep refuses the password
 */
export async function scramYaml(password: string, kdf: ScramKdf): Promise<string> {
  if (kdf === 'pbkdf2') {
    const note = "# (for clients of the specification's wamp-scram; autobahn's can do argon2id13 only)";
    return `${note}\nscram: ${await verifierYaml(password, PBKDF2, 'spec')}`;
  }
  return [
    'scram:',
    '  # authmethod wamp-scram: clients that follow the specification',
    `  - ${await verifierYaml(password, ARGON2, 'spec')}`,
    '  # authmethod scram: clients of autobahn-python; leave out what you do not need',
    `  - ${await verifierYaml(password, ARGON2, 'autobahn')}`,
  ].join('\n');
}

async function verifierYaml(password: string, parameters: KdfParameters, dialect: ScramDialect): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const { storedKey, serverKey } = scramKeys(await saltedPassword(password, salt, parameters, dialect));
  const { kdf, iterations, memory } = parameters;
  const parts = [
    ...(dialect === 'autobahn' ? ['dialect: autobahn'] : []),
    `kdf: ${kdf}`,
    `salt: "${salt.toString('hex')}"`,
    `iterations: ${iterations}`,
    ...(memory === undefined ? [] : [`memory: ${memory}`]),
    `storedKey: "${storedKey.toString('hex')}"`,
    `serverKey: "${serverKey.toString('hex')}"`,
  ];
  return `{ ${parts.join(', ')} }`;
}
