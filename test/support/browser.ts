/** Pages in a real browser, and the web server that they come from. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** Where Chromium is: at the path in `CHROMIUM`, or where Debian has it; undefined: nowhere. */
export const CHROMIUM = [
  process.env.CHROMIUM ?? '',
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
].find((path) => existsSync(path));

const FLAGS = [
  '--headless',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--disable-dev-shm-usage',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // Names of the tests are this machine, whatever a resolver says.
  '--host-resolver-rules=MAP *.example 127.0.0.1',
];

/**
 * A web server for one page, which reports by a POST to `/report`, and for `files` by their path; its port is part of
 * the page's origin, so it is there before the router.
 */
export async function pageServer<Report>(files: Readonly<Record<string, string>> = {}) {
  let html = '';
  let heard: (report: Report) => void = () => {};
  const report = new Promise<Report>((resolve) => {
    heard = resolve;
  });
  const server = createServer((request, response) => {
    if (request.url !== '/report') {
      const file = files[request.url ?? ''];
      const type = file === undefined ? 'text/html' : 'text/javascript';
      response.writeHead(200, { 'content-type': type }).end(file ?? html);
      return;
    }
    let body = '';
    request.setEncoding('utf8').on('data', (text) => {
      body += text;
    });
    request.on('end', () => {
      response.end();
      heard(JSON.parse(body));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return {
    port: (server.address() as AddressInfo).port,
    report,
    serve(text: string) {
      html = text;
    },
  };
}

/** Opens `url` in a browser of its own that ends with the test. */
export function browse(url: string): void {
  const profile = mkdtempSync(join(tmpdir(), 'waggle-browser-'));
  const browser = spawn(CHROMIUM ?? '', [...FLAGS, `--user-data-dir=${profile}`, url], {
    stdio: 'ignore',
    detached: true,
  });
  const ended = once(browser, 'exit');
  onTestFinished(async () => {
    // Its own process group: the helpers that it started end with it.
    if (browser.pid !== undefined) process.kill(-browser.pid, 'SIGKILL');
    await ended;
    rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
  });
}
