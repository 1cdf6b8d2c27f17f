import { createHash, pbkdf2, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import type { HashOptions } from './commands.ts';
import { ExitCode, type Io } from './io.ts';
import { NoSecret, readSecret } from './read-secret.ts';
import { scramYaml } from './scram-verifier.ts';

const deriveKey = promisify(pbkdf2);

/** OWASP's choice for 32 MiB: log2 of N, r, p. */
const SCRYPT = { log2N: 15, r: 8, p: 3 } as const;
const PBKDF2_ITERATIONS = 100_000;
const SALT_BYTES = 16;
const KEY_BYTES = 32;

/** `waggle hash`: reads a secret from stdin and prints what to paste into a realm file; the secret is not shown. */
export async function hash({ kind, kdf = 'argon2id13' }: HashOptions, io: Io): Promise<number> {
  let lines: string;
  try {
    const secret = await readSecret(io);
    lines = await (kind === 'cra' ? craYaml(secret) : kind === 'scram' ? scramYaml(secret, kdf) : ticketYaml(secret));
  } catch (error) {
    if (!(error instanceof NoSecret)) throw error;
    io.stderr.write(`error: ${error.message}\n`);
    return ExitCode.refused;
  }
  io.stdout.write(`# below the principal in realms/<realm>.yaml\n${lines}\n`);
  return ExitCode.good;
}

async function ticketYaml(ticket: string): Promise<string> {
  if (looksGenerated(ticket)) {
    const digest = createHash('sha256').update(ticket).digest('hex');
    return `# (long and random, so SHA-256 is enough)\nticket: { hash: "sha256$${digest}" }`;
  }
  const { log2N, r, p } = SCRYPT;
  const salt = randomBytes(SALT_BYTES);
  const key = await new Promise<Buffer>((resolve, reject) => {
    const options = { N: 2 ** log2N, r, p, maxmem: 256 * r * 2 ** log2N };
    scrypt(ticket, salt, KEY_BYTES, options, (error, made) => (error ? reject(error) : resolve(made)));
  });
  const stored = ['scrypt', log2N, r, p, salt.toString('base64'), key.toString('base64')].join('$');
  return `# (could have been chosen by a human, so scrypt; "waggle ticket new" makes one that is cheaper to check)\nticket: { hash: "${stored}" }`;
}

/**
 * Whether a ticket was certainly made by a machine: hex of 128 bits or more, a UUID, or base64 of 240 bits or more that
 * looks it. In doubt no: a guessable ticket under SHA-256 is found, a random one under scrypt is only slower.
 */
export function looksGenerated(ticket: string): boolean {
  const distinct = new Set(ticket).size;
  if (/^[0-9a-f]{32,}$/i.test(ticket)) return distinct >= 10 && /[a-f]/i.test(ticket);
  if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(ticket)) return distinct >= 10;
  if (!/^[A-Za-z0-9+/_-]{40,}={0,2}$/.test(ticket)) return false;
  // Words are told by the case of their letters: in random base64 it changes most of the time, and two letters of five
  // are capitals.
  const kinds = [...ticket].map((c) => (/[a-z]/.test(c) ? 'a' : /[A-Z]/.test(c) ? 'A' : '0'));
  const changes = kinds.filter((each, at) => at > 0 && each !== kinds[at - 1]).length;
  const capitals = kinds.filter((each) => each === 'A').length;
  return distinct >= 20 && kinds.includes('0') && changes >= ticket.length * 0.42 && capitals >= ticket.length * 0.22;
}

/** Salt as text: clients hash it as UTF-8; the base64 text of the derived key is the HMAC key (spec: "WAMP-CRA"). */
async function craYaml(secret: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES).toString('base64url');
  const key = await deriveKey(secret, salt, PBKDF2_ITERATIONS, KEY_BYTES, 'sha256');
  const parts = `key: "${key.toString('base64')}", salt: "${salt}", iterations: ${PBKDF2_ITERATIONS}, keylen: ${KEY_BYTES}`;
  return `wampcra: { ${parts} }`;
}
