/** fox-wamp, the other WAMP router in Node, fetched from npm into a folder of its own when asked for. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const VERSION = '0.7.28';
const FOLDER = fileURLToPath(new URL('../node_modules/.cache/waggle-bench/', import.meta.url));

/** Its own programs say every message on the terminal; this starts its router and nothing else. */
const PROGRAM = `
const Router = require('fox-wamp');
new Router().listenWAMP({ port: Number(process.argv[2]), path: '/ws' });
`;

/** @returns how to start it. It speaks JSON only, and has no patterns of WAMP's kind. */
export async function foxWamp() {
  mkdirSync(FOLDER, { recursive: true });
  if (!existsSync(join(FOLDER, 'node_modules', 'fox-wamp', 'package.json'))) {
    writeFileSync(join(FOLDER, 'package.json'), '{ "private": true }\n');
    const args = ['install', '--no-audit', '--no-fund', '--ignore-scripts', `fox-wamp@${VERSION}`];
    const { status } = spawnSync('npm', args, { cwd: FOLDER, stdio: 'inherit' });
    if (status !== 0) throw new Error('fox-wamp could not be fetched');
  }
  const program = join(FOLDER, 'start.cjs');
  writeFileSync(program, PROGRAM);
  return {
    name: 'fox-wamp',
    command: process.execPath,
    args: [program, '{port}'],
    skips: (name) => /msgpack|cbor|encodings|beside/.test(name),
  };
}
