/**
 * Rendezvous hashing: of the weights that a key gives all callees the highest wins. The same key so goes to the same
 * callee as long as it is there, and when one comes or goes only the keys move that it wins or had won.
 */

/** FNV-1a over the UTF-16 units. Not for secrets: a caller who wants may find keys that fall together. */
export function hashOf(key: string): number {
  let hash = 0x811c9dc5;
  for (let at = 0; at < key.length; at += 1) {
    hash = Math.imul(hash ^ key.charCodeAt(at), 0x01000193);
  }
  return hash >>> 0;
}

/**
 * What `keyHash` is worth at the session of id `session`, 0 … 2^32-1: both mixed until every bit depends on every bit
 * (the finalizer of MurmurHash3), so that neighbouring ids share nothing.
 */
export function weightOf(keyHash: number, session: number): number {
  let mixed = keyHash ^ mix(session >>> 0) ^ mix(Math.floor(session / 0x1_0000_0000) + 1);
  mixed = mix(mixed);
  return mixed >>> 0;
}

function mix(value: number): number {
  let mixed = value ^ (value >>> 16);
  mixed = Math.imul(mixed, 0x85ebca6b);
  mixed ^= mixed >>> 13;
  mixed = Math.imul(mixed, 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
