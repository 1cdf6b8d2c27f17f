// Writes what is generated from src/config/schema.ts: config/*.schema.json and the table in docs/configuration.md.
// Runs on the built files: `npm run schemas` builds first. A folder as argument: other built files than dist/.

import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const built = resolve(process.argv[2] ?? `${root}/dist`);
const { renewOptions, schemaFile } = await import(pathToFileURL(`${built}/config/reference.js`).href);

for (const kind of ['router', 'realm']) writeFileSync(`${root}/config/${kind}.schema.json`, schemaFile(kind));
const page = `${root}/docs/configuration.md`;
writeFileSync(page, renewOptions(readFileSync(page, 'utf8')));
