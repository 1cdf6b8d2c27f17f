import { base32 } from 'multiformats/bases/base32';
import { base58btc } from 'multiformats/bases/base58';
import { expect, it } from 'vitest';
import { newPeerId, peerIdOf } from '../../../../src/adapters/relay/peer-id.ts';

/** The specification of libp2p shows one PeerId in both of its text forms. */
const AS_CID = 'bafzaajaiaejcal72gwuz2or47oyxxn6b3rkwdmmkrxgkjxzy3rqt5kczyn7lcm3l';
const AS_BASE58 = '12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA';

it('a PeerId is the identity multihash of the key as protobuf, in base58btc: the specification’s own', () => {
  // CIDv1 (1), codec libp2p-key (0x72), identity (0) of 36 bytes, protobuf: type 1 = Ed25519, data of 32 bytes.
  const cid = base32.decode(AS_CID);
  expect(Buffer.from(cid.subarray(0, 8)).toString('hex')).toBe('0172002408011220');
  expect(peerIdOf(cid.subarray(8))).toBe(AS_BASE58);
});

it('one made for a session is of a new key each time', () => {
  const ids = [newPeerId(), newPeerId()];
  expect(ids[0]).not.toBe(ids[1]);
  for (const id of ids) {
    expect(id).toMatch(/^12D3KooW[1-9A-HJ-NP-Za-km-z]{44}$/);
    expect(Buffer.from(base58btc.baseDecode(id)).toString('hex')).toMatch(/^002408011220[0-9a-f]{64}$/);
  }
});
