import { closeSync, openSync, unlinkSync, writeSync } from 'node:fs';
import nacl from 'tweetnacl';
import type { KeysNewOptions } from './commands.ts';
import { ExitCode, type Io } from './io.ts';

/**
 * `waggle keys new`: makes an Ed25519 key pair for cryptosign. The private seed (64 hex digits) goes to the file, which
 * only its owner may read, or to stdout; the public key goes to stdout as YAML to paste. A file that exists is never
 * overwritten: the key in it may be the only copy.
 */
export function keysNew({ out }: KeysNewOptions, io: Pick<Io, 'stdout' | 'stderr'>): number {
  const pair = nacl.sign.keyPair();
  const seed = Buffer.from(pair.secretKey.subarray(0, nacl.sign.seedLength)).toString('hex');
  const publicKey = Buffer.from(pair.publicKey).toString('hex');
  if (out === undefined) {
    io.stdout.write(`# the private seed: give it to the agent; it is stored nowhere\n${seed}\n\n`);
  } else {
    const problem = writeSeed(out, seed);
    if (problem !== undefined) {
      io.stderr.write(`error: ${out}: ${problem}\n`);
      return ExitCode.refused;
    }
    io.stdout.write(
      `# the private seed is in ${out}, readable by you alone: for the agent, not for the realm file\n\n`,
    );
  }
  io.stdout.write(`# the public key: below the principal in realms/<realm>.yaml\ncryptosign: ["${publicKey}"]\n`);
  return ExitCode.good;
}

/** @returns what is wrong; undefined: written. */
function writeSeed(path: string, seed: string): string | undefined {
  let file: number;
  try {
    // `wx`: fails where something exists, a dangling link included; the mode counts from the first moment on.
    file = openSync(path, 'wx', 0o600);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown';
    if (code === 'EEXIST') return 'exists already and is not overwritten; name another file or move it away';
    if (code === 'ENOENT') return 'the folder does not exist';
    return `cannot be written (${code})`;
  }
  try {
    writeSync(file, `${seed}\n`);
  } catch (error) {
    unlinkSync(path);
    return `cannot be written (${error instanceof Error ? error.message : 'unknown'})`;
  } finally {
    closeSync(file);
  }
  return undefined;
}
