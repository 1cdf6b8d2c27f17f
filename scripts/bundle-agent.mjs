// Bundles dist/agent for browsers: `node scripts/bundle-agent.mjs DIST` writes DIST/agent/browser.js, one ES module that
// needs nothing else. Users' bundlers find it by the condition "browser"; a page can load it as it is.
import { join } from 'node:path';
import { build } from 'rolldown';

/**
 * autobahn loads every serializer and transport that it knows, and some need what only Node has. The agent speaks JSON
 * over the browser's own WebSocket, with native promises. Its polyfills are for browsers that had neither.
 */
const UNUSED = /^(?:msgpack5|cbor|when(?:\/.*)?|net|events|ws|\.\/polyfill\.js)$/;
const unusedInBrowsers = {
  name: 'unused-in-browsers',
  resolveId: (specifier) => (UNUSED.test(specifier) ? { id: `\0unused:${specifier}` } : null),
  load: (id) => (id.startsWith('\0unused:') ? 'module.exports = () => ({});' : null),
};

const [, , dist] = process.argv;

await build({
  input: join(dist, 'agent/index.js'),
  platform: 'browser',
  plugins: [unusedInBrowsers],
  transform: { define: { global: 'globalThis' } },
  logLevel: 'warn',
  output: { file: join(dist, 'agent/browser.js'), format: 'esm', minify: true, sourcemap: false },
});
