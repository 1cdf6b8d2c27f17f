import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { type ProbeSource, probeRoutes } from '../../../src/admin/probes.ts';

const GOOD: ProbeSource = {
  ready: () => true,
  metrics: () => ({ contentType: 'text/plain', text: async () => 'figures\n' }),
};

/** The routes behind a bare HTTP server. @returns its URL */
async function served(source: ProbeSource): Promise<string> {
  const routes = probeRoutes(source);
  const server = createServer((request, response) => routes.get(request.url ?? '')?.(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the probes', () => {
  it('are exactly the three pages that need no token, and an index of them', () => {
    expect([...probeRoutes(GOOD).keys()]).toEqual(['/', '/healthz', '/readyz', '/metrics']);
  });

  it('say healthy while the process answers, ready only while it takes agents', async () => {
    let ready = false;
    const url = await served({ ...GOOD, ready: () => ready });
    expect((await fetch(`${url}/readyz`)).status).toBe(503);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    ready = true;
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
  });

  it('serve the metrics under their own content type', async () => {
    const answer = await fetch(`${await served(GOOD)}/metrics`);
    expect(answer.headers.get('content-type')).toBe('text/plain');
    expect(await answer.text()).toBe('figures\n');
  });

  it('say 500 without details where the metrics cannot be collected', async () => {
    const text = async (): Promise<string> => {
      throw new Error('details for nobody');
    };
    const answer = await fetch(
      `${await served({ ...GOOD, metrics: () => ({ contentType: 'text/plain', text }) })}/metrics`,
    );
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain('details');
  });

  it('are only read: any other method is 405 and says which are allowed', async () => {
    const url = await served(GOOD);
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const answer = await fetch(`${url}/metrics`, { method });
      expect({ status: answer.status, allow: answer.headers.get('allow') }, method).toEqual({
        status: 405,
        allow: 'GET, HEAD',
      });
    }
    expect(await (await fetch(`${url}/healthz`, { method: 'HEAD' })).text()).toBe('');
  });
});
