/**
 * `npm start`: makes the working copy ready and becomes the router. The router runs in this very process, so that
 * SIGINT and SIGTERM reach it and its exit code is ours, whatever shell npm put in between.
 */
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { prepare } from './prepare.mjs';

const code = await prepare({ tools: false });
if (code !== 0) process.exit(code);

const main = new URL('../dist/main.js', import.meta.url);
process.argv = [process.execPath, fileURLToPath(main), 'start', ...process.argv.slice(2).map(fromWhereItWasTyped)];
await import(main.href);

/** npm runs scripts in the project's folder and says in INIT_CWD where it was called: `--config` is meant from there. */
function fromWhereItWasTyped(argument, index, all) {
  const folder = process.env.INIT_CWD;
  if (folder === undefined || process.env.npm_lifecycle_event !== 'start') return argument;
  if (all[index - 1] === '--config') return resolve(folder, argument);
  const path = /^--config=(.+)$/.exec(argument)?.[1];
  return path === undefined ? argument : `--config=${resolve(folder, path)}`;
}
