// Lets Node import the TypeScript of src/ in worker threads and child processes, where Vitest does not come along:
// `node --import ./test/support/typescript-loader.mjs …`. Newer Nodes do it by themselves.
import { register } from 'node:module';

if (!process.features.typescript) register('./typescript-hooks.mjs', import.meta.url);
