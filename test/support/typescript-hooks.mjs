// Module hooks for Nodes that do not read TypeScript; registered by typescript-loader.mjs.
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

let transform;

export async function load(url, context, next) {
  if (!url.startsWith('file:') || !url.endsWith('.ts')) return next(url, context);
  transform ??= (await import('vite')).transformWithOxc;
  const file = fileURLToPath(url);
  const { code } = await transform(await readFile(file, 'utf8'), file, { target: 'es2022', sourcemap: false });
  return { format: 'module', source: code, shortCircuit: true };
}
