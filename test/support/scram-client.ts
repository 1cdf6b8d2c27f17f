/**
 * The client's side of SCRAM in both dialects, written from the specification ("Salted Challenge Response
 * Authentication") and from what autobahn-python's client does (PITFALLS 19); shares nothing with the router.
 */
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';
import { argon2id } from '@noble/hashes/argon2.js';
import type { ScramSpec } from '../../src/auth/principals.ts';
import type { Dict } from '../../src/wamp/payload.ts';

export type Dialect = ScramSpec['dialect'];

const mac = (key: Buffer | string, text: Buffer | string) => createHmac('sha256', key).update(text).digest();
const xor = (a: Buffer, b: Buffer) => Buffer.from(a.map((byte, at) => byte ^ (b[at] ?? 0)));

interface Derivation {
  readonly kdf: unknown;
  readonly salt: Buffer;
  readonly iterations: number;
  readonly memory: number;
}

function salted(dialect: Dialect, password: string, { kdf, salt, iterations, memory }: Derivation): Buffer | string {
  if (dialect === 'spec' && kdf === 'pbkdf2') return pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  if (kdf !== (dialect === 'spec' ? 'argon2id13' : 'argon2id-13')) throw new Error(`unknown kdf ${kdf}`);
  const hash = Buffer.from(argon2id(password, salt, { t: iterations, m: memory, p: 1, dkLen: 32 }));
  return dialect === 'spec' ? hash : hash.toString('base64').replaceAll('=', '');
}

/** What a realm file holds for `password`; cheap to derive from. */
export function verifierFor(dialect: Dialect, password: string, parts: Partial<ScramSpec> = {}): ScramSpec {
  const salt = `${createHash('sha256').update(`${dialect} ${password}`).digest('hex').slice(0, 32)}`;
  const spec = { dialect, kdf: 'argon2id13' as const, salt, iterations: 2, storedKey: '', serverKey: '', ...parts };
  const memory = spec.kdf === 'argon2id13' ? (spec.memory ?? 32) : undefined;
  const key = salted(dialect, password, {
    kdf: spec.kdf === 'argon2id13' && dialect === 'autobahn' ? 'argon2id-13' : spec.kdf,
    salt: Buffer.from(spec.salt, 'hex'),
    iterations: spec.iterations,
    memory: memory ?? 0,
  });
  const storedKey = createHash('sha256').update(mac(key, 'Client Key')).digest('hex');
  const serverKey = mac(key, 'Server Key').toString('hex');
  return { ...spec, ...(memory === undefined ? {} : { memory }), storedKey, serverKey };
}

/** One line of a realm file. */
export function verifierYaml(spec: ScramSpec): string {
  return JSON.stringify(spec);
}

export interface ScramAnswer {
  readonly signature: string;
  readonly extra: Dict;
  /** What WELCOME's authextra must be. */
  readonly authextra: Dict;
}

export interface ScramUser {
  readonly dialect: Dialect;
  readonly authid: string;
  readonly password: string;
  /** Of HELLO. */
  readonly nonce: string;
  /** Exporter value of the connection; undefined: no channel binding. */
  readonly channelId?: Buffer | undefined;
}

/** HELLO's authextra. */
export function scramHello({ nonce, channelId, dialect }: Pick<ScramUser, 'nonce' | 'channelId' | 'dialect'>): Dict {
  if (dialect === 'autobahn') return { nonce };
  return { nonce, channel_binding: channelId === undefined ? null : 'tls-exporter' };
}

/** @throws Error where CHALLENGE is not as the dialect has it */
export function answerScram(user: ScramUser, challenge: Dict): ScramAnswer {
  const { dialect, authid, password, channelId } = user;
  const { nonce, salt, kdf, iterations, memory, ...rest } = challenge;
  if (typeof nonce !== 'string' || typeof salt !== 'string' || typeof iterations !== 'number') {
    throw new Error('nonce, salt and iterations expected');
  }
  if (Object.keys(rest).length > 0) throw new Error(`unknown attributes ${Object.keys(rest)}`);
  if (dialect === 'spec') {
    if (!nonce.startsWith(user.nonce) || nonce === user.nonce) throw new Error('nonce is not made from ours');
    if (memory === undefined) throw new Error('memory expected, perhaps null');
  } else if (
    !Buffer.from(nonce, 'base64').toString('latin1').startsWith(Buffer.from(user.nonce, 'base64').toString('latin1'))
  ) {
    throw new Error('nonce is not made from ours');
  }
  const name = dialect === 'spec' ? authid.replaceAll('=', '=3D').replaceAll(',', '=2C') : authid;
  const flag = channelId === undefined ? 'n,,' : 'p=tls-exporter,,';
  const input = Buffer.concat([Buffer.from(flag), channelId ?? Buffer.alloc(0)]).toString('base64');
  const message = [
    `n=${name},r=${user.nonce}`,
    `r=${nonce},s=${salt},i=${iterations}`,
    `c=${dialect === 'spec' ? input : ''},r=${nonce}`,
  ].join(',');
  const key = salted(dialect, password, { kdf, salt: Buffer.from(salt, 'base64'), iterations, memory: Number(memory) });
  const clientKey = mac(key, 'Client Key');
  const storedKey = createHash('sha256').update(clientKey).digest();
  const serverSignature = mac(mac(key, 'Server Key'), message).toString('base64');
  return {
    signature: xor(clientKey, mac(storedKey, message)).toString('base64'),
    extra:
      dialect === 'autobahn'
        ? {}
        : {
            nonce,
            channel_binding: channelId === undefined ? null : 'tls-exporter',
            cbind_data: channelId === undefined ? null : channelId.toString('base64'),
          },
    authextra: dialect === 'spec' ? { verifier: serverSignature } : { scram_server_signature: serverSignature },
  };
}
