// Runs the players of the demo, each a process of its own, and prints what they say as one story.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

const colour = process.stdout.isTTY && !process.env.NO_COLOR;
const paint = (text, shade) => (colour ? `\u001b[${shade}m${text}\u001b[0m` : text);
// Names and texts come from others, and must not steer the terminal.
const harmless = (text) => text.replace(/[\p{Cc}\p{Cf}]/gu, '');
const PATIENCE_MS = 60_000;

// All write into one pipe, so that their lines stand in the order in which they were said.
const pipe = spawn('cat', { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
const lines = createInterface({ input: pipe.stdout });
const endings = new Set();
const ending = new AbortController();

/** All lines so far, such as `desk → gate: open`. */
export const story = [];

lines.on('line', (raw) => {
  const text = harmless(raw);
  story.push(text);
  // What else they say is for those who run them alone.
  const [, from, to, what] = /^(\S+) ([→←] \S+): (.+)$/.exec(text) ?? [];
  if (from !== undefined) console.log(`${paint(from.padStart(11), 33)} ${paint(to.padEnd(16), 36)} ${what}`);
});

/** Starts a player with `env` beside what this process has; `ended` is its exit code. Where one fails, all end. */
export function play(name, command, args, env = {}) {
  const player = spawn(command, args, { env: { ...process.env, ...env }, stdio: ['ignore', pipe.stdin, 'pipe'] });
  createInterface({ input: player.stderr }).on('line', (text) => console.log(`${name}: ${harmless(text)}`));
  const stop = () => player.kill('SIGTERM');
  endings.add(stop);
  const ended = new Promise((resolve) => {
    player.once('error', (error) => resolve(error.code));
    player.once('close', (code, signal) => resolve(signal ?? code));
  });
  ended.then((why) => {
    endings.delete(stop);
    if (why === 0 || ending.signal.aborted) return;
    console.log(`${name} ended with ${why}`);
    end(1);
  });
  return { ended, stop };
}

/** Resolves with the first line that matches, also an earlier one. Rejects at the end, or when it takes too long. */
export async function said(pattern) {
  ending.signal.throwIfAborted();
  const early = story.map((text) => pattern.exec(text)).find((match) => match !== null);
  if (early !== undefined) return early;
  return await new Promise((resolve, reject) => {
    setTimeout(() => reject(new Error(`nobody said ${pattern}`)), PATIENCE_MS).unref();
    ending.signal.addEventListener('abort', () => reject(ending.signal.reason));
    lines.on('line', (text) => {
      const match = pattern.exec(text);
      if (match !== null) resolve(match);
    });
  });
}

/** Something that is to be stopped at the end, too. */
export function atEnd(stop) {
  endings.add(stop);
}

/** Ends all players. */
export function end(code = 0) {
  if (code !== 0) process.exitCode = code;
  if (ending.signal.aborted) return;
  ending.abort();
  for (const stop of endings) stop();
  pipe.stdin.end();
}
