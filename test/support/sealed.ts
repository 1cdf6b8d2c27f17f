/** Payloads that only their two ends can read. */
import { randomBytes } from 'node:crypto';
import nacl from 'tweetnacl';
import type { Dict } from '../../src/wamp/payload.ts';
import { ALL_ROLES } from './raw-client.ts';
import type { RawName } from './raw-codec.ts';

/** Every role with payload passthru mode, and what the raw client announces anyway. */
export const PASSTHRU_ROLES: Dict = Object.fromEntries(
  Object.entries(ALL_ROLES).map(([role, value]) => {
    const { features } = value as { features: Dict };
    return [role, { features: { ...features, payload_passthru_mode: true } }];
  }),
);

/** Binary as a client of that encoding sees it. */
export function binaryOf(name: RawName, value: unknown): Uint8Array {
  if (name !== 'json') {
    if (!(value instanceof Uint8Array)) throw new Error(`binary expected, got ${typeof value}`);
    return new Uint8Array(value);
  }
  if (typeof value !== 'string' || value[0] !== '\u0000') throw new Error('U+0000 and base64 expected');
  return new Uint8Array(Buffer.from(value.slice(1), 'base64'));
}

/** Somebody with a key pair of NaCl's box, who seals for another and opens what another sealed. */
export class KeyHolder {
  readonly keys = nacl.box.keyPair();

  seal(text: string, receiver: KeyHolder): Buffer {
    const nonce = new Uint8Array(randomBytes(nacl.box.nonceLength));
    const box = nacl.box(new TextEncoder().encode(text), nonce, receiver.keys.publicKey, this.keys.secretKey);
    return Buffer.concat([nonce, box]);
  }

  open(sealed: Uint8Array, sender: KeyHolder): string {
    const nonce = sealed.subarray(0, nacl.box.nonceLength);
    const box = sealed.subarray(nacl.box.nonceLength);
    const opened = nacl.box.open(box, nonce, sender.keys.publicKey, this.keys.secretKey);
    if (opened === null) throw new Error('changed on its way');
    return new TextDecoder().decode(opened);
  }
}
