/**
 * `npm start`: makes the working copy ready and becomes the router. The router runs in this very process, so that
 * SIGINT and SIGTERM reach it and its exit code is ours, whatever shell npm put in between.
 */
import { fileURLToPath } from 'node:url';
import { prepare } from './prepare.mjs';

const code = await prepare({ tools: false });
if (code !== 0) process.exit(code);

const main = new URL('../dist/main.js', import.meta.url);
process.argv = [process.execPath, fileURLToPath(main), 'start', ...process.argv.slice(2)];
await import(main.href);
