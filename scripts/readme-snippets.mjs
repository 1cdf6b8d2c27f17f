// Fills what stands between `<!-- snippet: PATH -->` and `<!-- /snippet -->` in README.md with the file of that path.
// With --check it changes nothing and ends with 1 where something is stale.

import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, extname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const page = `${root}/README.md`;
const before = readFileSync(page, 'utf8');

const after = before.replace(/<!-- snippet: (\S+) -->\n[\s\S]*?<!-- \/snippet -->/g, (_old, path) => {
  const text = readFileSync(`${root}/${path}`, 'utf8').trimEnd();
  return `<!-- snippet: ${path} -->\n\`\`\`${extname(path).slice(1)}\n${text}\n\`\`\`\n<!-- /snippet -->`;
});

if (after === before) process.exit(0);
if (process.argv.includes('--check')) {
  console.error('README.md: a snippet is stale; run node scripts/readme-snippets.mjs');
  process.exit(1);
}
writeFileSync(page, after);
