import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import type { LimitsConfig } from '../../src/config/types.ts';
import { Metrics } from '../../src/observe/metrics.ts';
import { CLOSE_CODES } from '../../src/transports/websocket-frames.ts';

const page = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');

const none = (): number => 0;
const gauges = {
  sessions: none,
  connections: none,
  pendingBytes: none,
  subscriptions: none,
  registrations: none,
  retained: () => ({ events: 0, bytes: 0 }),
  slowPeers: none,
  droppedEvents: none,
  deadPeers: none,
  signatures: () => ({ verified: 0, refused: 0 }),
  activity: () => undefined,
};

it('every metric of the router stands in the table with its type, and nothing else does', async () => {
  const text = await new Metrics().page(gauges).text();
  const served = [...text.matchAll(/^# TYPE (waggle_\w+) (\w+)$/gm)]
    .map(([, name = '', type = '']) => ({ name, type }))
    .filter(({ name }) => !/^waggle_(process|nodejs)_/.test(name));
  const documented = [...page.matchAll(/^\| `(waggle_\w+)` \| (\w+) \|/gm)].map(([, name, type]) => ({ name, type }));
  expect(documented).toEqual(served);
});

it('the table names the label of each metric that has one, and its values', async () => {
  const metrics = new Metrics();
  metrics.handshake('welcomed');
  metrics.reload('applied');
  const text = await metrics.page(gauges).text();
  for (const [, name = '', label = '', value = ''] of text.matchAll(
    /^(waggle_(?:handshakes|reloads)\w+)\{(\w+)="(\w+)"\}/gm,
  )) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\``)) ?? '';
    expect(row).toContain(`| \`${label}\` |`);
    expect(row).toContain(`\`${value}\``);
  }
});

it('every limit of the configuration is spoken of', () => {
  const names: Record<keyof LimitsConfig, true> = {
    maxMessageBytes: true,
    maxSessions: true,
    handshakeTimeoutMs: true,
    outboxBytes: true,
    outboxTotalBytes: true,
    slowPeer: true,
    maxUriBytes: true,
    maxSubscriptionsPerSession: true,
    maxRegistrationsPerSession: true,
    maxPendingCallsPerSession: true,
    maxRetainedBytes: true,
    keepAlive: true,
    callTimeoutMs: true,
    http: true,
  };
  for (const name of Object.keys(names)) expect(page).toContain(`\`${name}\``);
});

it('every WebSocket close code the router uses is explained', () => {
  const { goingAway, policyViolation, ...used } = CLOSE_CODES;
  for (const code of Object.values(used)) expect(page).toMatch(new RegExp(`\\| ${code} \\|`));
});
