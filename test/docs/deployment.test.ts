import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { startProblems } from '../../src/server/start-problems.ts';
import { certificateA } from '../support/certificates.ts';
import { files, good, REALM } from '../unit/config/support.ts';

const page = readFileSync(new URL('../../docs/deployment.md', import.meta.url), 'utf8');
const routers = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) => text);
const load = (text: string) =>
  files({
    'config/router.yaml': text,
    'realms/swarm.yaml': REALM,
    'config/fullchain.pem': certificateA.cert,
    'config/privkey.pem': certificateA.key,
  }).load();

it('the page has a router file for a proxy in front and one for a certificate of its own', () => {
  expect(routers).toHaveLength(2);
});

it.each(routers)('a router file of the page is good, without warnings: %#', (text) => {
  const config = good(load(text));
  expect([startProblems(config), config.warnings]).toEqual([[], []]);
});

it('behindTls and hosts are enough off loopback too', () => {
  const elsewhere = (routers[0] ?? '').replace('127.0.0.1:8080', '0.0.0.0:8080');
  expect(good(load(elsewhere)).router.listeners[0]?.address).toMatchObject({ host: '0.0.0.0' });
});
