/** What docs/transports.md shows: each listener starts as it is written, and each client joins through it. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Wampy } from 'wampy';
import { JsonSerializer } from 'wampy/JsonSerializer.js';
import { WebSocket } from 'ws';
import { wampAdapter } from '../../src/adapters/wamp/adapter.ts';
import { autobahn } from '../support/autobahn-client.ts';
import { certificateA } from '../support/certificates.ts';
import { startRouter } from '../support/start-router.ts';

const page = readFileSync(new URL('../../docs/transports.md', import.meta.url), 'utf8');

/** A section's heading, its listener, and its client where it has one of its own. */
interface Section {
  readonly title: string;
  readonly yaml: string;
  readonly js: string | undefined;
}

const snippet = (text: string, language: string) => new RegExp(`\`\`\`${language}\n([^]*?)\`\`\``).exec(text)?.[1];
const sections = page.split(/^## /m).flatMap((text): Section[] => {
  const yaml = snippet(text, 'yaml');
  return yaml === undefined ? [] : [{ title: text.slice(0, text.indexOf('\n')), yaml, js: snippet(text, 'js') }];
});

/** The connection of a snippet, on this port or in this folder. */
function connection(js: string, port: number, folder: string): { open(): void; connect?(): Promise<unknown> } {
  const here = js.replace(/127\.0\.0\.1:\d+/, `127.0.0.1:${port}`).replace(/port: \d+/, `port: ${port}`);
  const expression = here.replace('waggle.sock', join(folder, 'waggle.sock')).trim().replace(/;$/, '');
  const trusting = class extends WebSocket {
    constructor(url: string, protocols: string[]) {
      super(url, protocols, { ca: certificateA.cert });
    }
  };
  return new Function('autobahn', 'Wampy', 'WebSocket', `return ${expression}`)(autobahn, Wampy, trusting);
}

describe('docs/transports.md', () => {
  it('has a section for each row of its table', () => {
    const rows = [...page.matchAll(/^\| \[[^\]]+\]\(#([\w-]+)\)/gm)].map(([, anchor]) => anchor);
    const anchors = [...page.matchAll(/^## (.+)$/gm)].map(([, title = '']) => title.toLowerCase().replaceAll(' ', '-'));
    for (const row of rows) expect(anchors).toContain(row);
    expect(rows.length).toBeGreaterThan(4);
  });

  it('names every subprotocol there is', () => {
    for (const name of wampAdapter.subprotocols ?? []) expect(page).toContain(`\`${name}\``);
  });

  it.each(sections)('$title: the listener starts, and the client joins through it', async ({ yaml, js }) => {
    const router = await startRouter({
      listeners: yaml.replace(/tcp: \S+/, 'tcp: 127.0.0.1:0'),
      files: { 'cert.pem': certificateA.cert, 'key.pem': certificateA.key },
    });
    expect(router.server.endpoints().length).toBeGreaterThan(0);
    if (js !== undefined) {
      const client = connection(js, router.port, router.folder);
      if (client instanceof Wampy) {
        client.setOptions({ serializer: new JsonSerializer() });
        expect(await client.connect()).toMatchObject({ realm: 'realm1' });
        await client.disconnect();
      } else {
        const { session, close } = await opened(client as never);
        expect(session).toBeGreaterThan(0);
        close();
      }
    }
    await router.stop();
  });
});

interface Connection {
  onopen: (session: { readonly id: number }) => void;
  onclose: (reason: string) => boolean;
  open(): void;
  close(): void;
}

function opened(client: Connection): Promise<{ session: number; close: () => void }> {
  return new Promise((resolve, reject) => {
    client.onopen = ({ id }) => resolve({ session: id, close: () => client.close() });
    client.onclose = (reason) => {
      reject(new Error(reason));
      return true;
    };
    client.open();
  });
}
