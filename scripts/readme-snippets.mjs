// Fills what stands between `<!-- snippet: PATH -->` and `<!-- /snippet -->` in the pages below with the file of that path.
// With --check it changes nothing and ends with 1 where something is stale.

import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, extname } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));

for (const page of ['README.md', 'docs/relay.md']) {
  const before = readFileSync(`${root}/${page}`, 'utf8');
  const after = before.replace(/<!-- snippet: (\S+) -->\n[\s\S]*?<!-- \/snippet -->/g, (_old, path) => {
    const text = readFileSync(`${root}/${path}`, 'utf8').trimEnd();
    return `<!-- snippet: ${path} -->\n\`\`\`${extname(path).slice(1)}\n${text}\n\`\`\`\n<!-- /snippet -->`;
  });
  if (after === before) continue;
  if (process.argv.includes('--check')) {
    console.error(`${page}: a snippet is stale; run node scripts/readme-snippets.mjs`);
    process.exitCode = 1;
  } else {
    writeFileSync(`${root}/${page}`, after);
  }
}
