/** libp2p PeerIds of ed25519 keys: base58btc of the identity multihash of the key as protobuf. */
import { generateKeyPairSync } from 'node:crypto';
import { base58btc } from 'multiformats/bases/base58';
import { identity } from 'multiformats/hashes/identity';

/** protobuf `PublicKey { Type = Ed25519; Data = 32 bytes }` up to its data. */
const HEAD = Buffer.from('08011220', 'hex');

/** @param publicKey the 32 bytes of an ed25519 key */
export function peerIdOf(publicKey: Uint8Array): string {
  return base58btc.baseEncode(identity.digest(Buffer.concat([HEAD, publicKey])).bytes);
}

/** For a session whose principal has no key; nobody keeps the private half, as the router never signs for an agent. */
export function newPeerId(): string {
  const { x } = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
  return peerIdOf(Buffer.from(x ?? '', 'base64url'));
}
