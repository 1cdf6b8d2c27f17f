import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const BEAT_MS = 1000;
// A holder that has not touched the file for that long is gone, wherever it ran: process ids say nothing across containers.
const STALE_MS = 15_000;
const POLL_MS = 200;

/**
 * Runs `work` while no other process runs work under the same lock file.
 *
 * @template T
 * @param {string} path the lock file; its folder exists and is writable
 * @param {() => Promise<T>} work
 * @param {() => void} waiting called once if another process holds the lock
 * @returns {Promise<T>}
 */
export async function withLock(path, work, waiting) {
  const token = randomBytes(8).toString('hex');
  await acquire(path, token, waiting);
  const beat = setInterval(() => {
    const now = new Date();
    utimes(path, now, now).catch(() => {});
  }, BEAT_MS);
  try {
    return await work();
  } finally {
    clearInterval(beat);
    if ((await read(path)) === token) await rm(path, { force: true });
  }
}

async function acquire(path, token, waiting) {
  let told = false;
  for (;;) {
    try {
      await writeFile(path, token, { flag: 'wx' });
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    await removeIfStale(path, token);
    if (!told) {
      waiting();
      told = true;
    }
    await sleep(POLL_MS);
  }
}

/** Two that find the same stale lock must not remove each other's new one: the file is moved away, then looked at. */
async function removeIfStale(path, token) {
  const holder = await read(path);
  const age = await stat(path).then(
    (found) => Date.now() - found.mtimeMs,
    () => 0,
  );
  if (age < STALE_MS) return;
  const aside = `${path}.${token}`;
  try {
    await rename(path, aside);
  } catch {
    return;
  }
  if ((await read(aside)) !== holder) await rename(aside, path);
  else await rm(aside, { force: true });
}

function read(path) {
  return readFile(path, 'utf8').catch(() => undefined);
}
