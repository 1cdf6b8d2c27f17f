/** Files change under a running program with traffic on it (CONTRACT §3, §4 "Reload"); `reload-files` has the watcher alone. */
import { randomBytes } from 'node:crypto';
import { renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { MessageType } from '../../src/wamp/messages.ts';
import { certificateA, certificateB } from '../support/certificates.ts';
import { metricsOf } from '../support/metrics-page.ts';
import { RawClient } from '../support/raw-client.ts';
import { RawWebSocket } from '../support/raw-websocket.ts';
import { build, folderOf, type WaggleProcess, waggle } from '../support/waggle-process.ts';

const {
  ABORT,
  ERROR,
  EVENT,
  GOODBYE,
  INVOCATION,
  PUBLISHED,
  REGISTERED,
  RESULT,
  SUBSCRIBED,
  UNREGISTERED,
  UNSUBSCRIBED,
  YIELD,
} = MessageType;

/** Generous: a saved change is in force within one second, on a machine that does many other things. */
const SOON = { timeout: 8000, interval: 50 };
const GONE_MS = 2000;
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

const ROUTER = `
realms: realms
listeners:
  - tcp: 127.0.0.1:0
    endpoints: [{ path: /ws, protocol: wamp }]
admin: { tcp: 127.0.0.1:0 }
`;

const ALL = '{ uri: "", match: prefix, allow: [call, register, publish, subscribe] }';

const SWARM = `
realm: swarm
environment: test
principals:
  planner: { role: agent, ticket: { env: PLANNER } }
  worker: { role: agent, ticket: { file: ../worker.ticket } }
roles:
  agent:
    - ${ALL}
`;

const TRAFFIC = `
realm: traffic
environment: test
anonymous: { role: anybody }
roles: { anybody: [${ALL}] }
`;

interface Running {
  readonly router: WaggleProcess;
  readonly url: string;
  readonly port: number;
  readonly admin: string;
  path(name: string): string;
  write(name: string, text: string): void;
  /** Joins with the ticket of that principal. */
  join(authid: string, ticket?: string): Promise<RawClient>;
  /** Resolves when so many reloads with that outcome were counted. */
  reloads(outcome: 'applied' | 'rejected', count: number): Promise<void>;
}

async function started(files: Readonly<Record<string, string>> = {}): Promise<Running> {
  const folder = folderOf({
    'router.yaml': ROUTER,
    'realms/swarm.yaml': SWARM,
    'realms/traffic.yaml': TRAFFIC,
    'worker.ticket': 'worker-ticket\n',
    ...files,
  });
  const path = (name: string): string => join(folder, name);
  const env = { PLANNER: 'planner-ticket' };
  const router = await waggle(['start', '--config', path('router.yaml')], { env }).ready();
  const [url, admin] = [router.url(), router.url('admin')];
  return {
    router,
    url,
    port: Number(new URL(url).port),
    admin,
    path,
    write: (name, text) => writeFileSync(path(name), text),
    async join(authid, ticket = `${authid}-ticket`) {
      const client = await RawClient.connect(url);
      return client.join('swarm', { authid, authmethods: ['ticket'], ticket });
    },
    async reloads(outcome, count) {
      const name = `waggle_reloads_total{outcome="${outcome}"}`;
      await vi.waitFor(async () => expect((await metricsOf(admin)).get(name) ?? 0).toBe(count), SOON);
    },
  };
}

/** A session of realm `traffic` that calls and hears itself without a pause, until it is asked whether all came. */
async function traffic(at: Running): Promise<{ check(): Promise<void> }> {
  const client = await (await RawClient.connect(at.url)).join('traffic');
  await client.register('echo');
  await client.subscribe('news');
  let going = true;
  let rounds = 0;
  const run = (async () => {
    while (going) {
      rounds += 1;
      client.call('echo', {}, [rounds]);
      const { request } = await client.expect(INVOCATION);
      client.send([YIELD, request, {}, [rounds]]);
      expect(await client.expect(RESULT)).toMatchObject({ args: [rounds] });
      client.publish('news', { exclude_me: false, acknowledge: true }, [rounds]);
      const both = [await client.message(), await client.message()].sort((a, b) => a.type - b.type);
      expect(both).toMatchObject([{ type: PUBLISHED }, { type: EVENT, args: [rounds] }]);
    }
  })();
  // Its failure is told by check().
  run.catch(() => {});
  return {
    async check() {
      const before = rounds;
      await vi.waitFor(() => expect(rounds).toBeGreaterThan(before), SOON);
      going = false;
      await run;
    },
  };
}

/** All that was logged. */
const messages = (router: WaggleProcess): string => router.log.map(({ msg }) => msg).join('\n');

async function isRefused(at: Running, authid: string, ticket: string): Promise<boolean> {
  const client = await RawClient.connect(at.url);
  try {
    await client.join('swarm', { authid, authmethods: ['ticket'], ticket });
    client.destroy();
    return false;
  } catch {
    return true;
  }
}

beforeAll(build, 120_000);

describe('a file that is not good', { timeout: 40_000 }, () => {
  it('changes nothing and is logged with the text of check; repaired, it is in force', async () => {
    const at = await started();
    const beside = await traffic(at);
    const planner = await at.join('planner');
    at.write('realms/swarm.yaml', SWARM.replace('role: agent, ticket: { env: PLANNER }', 'role: nobody, tickt: 1'));
    await at.reloads('rejected', 1);
    const check = waggle(['check', '--config', at.path('router.yaml')], { env: { PLANNER: 'planner-ticket' } });
    expect((await check.ended).code).toBe(1);
    const problems = check.stdout
      .split('\n')
      .filter((line) => /: principals\.planner/.test(line) && !/warning/.test(line));
    expect(problems.length).toBeGreaterThan(0);
    const logged = messages(at.router);
    for (const problem of problems) expect(logged).toContain(problem);
    await planner.subscribe('still.here');
    (await at.join('planner')).destroy();
    at.write(
      'realms/swarm.yaml',
      SWARM.replace(ALL, `${ALL}\n    - { uri: secret., match: prefix, deny: [subscribe] }`),
    );
    await at.reloads('applied', 1);
    planner.send([MessageType.SUBSCRIBE, planner.next(), {}, 'secret.topic']);
    expect(await planner.expect(ERROR)).toMatchObject({ error: 'wamp.error.not_authorized' });
    await beside.check();
  });

  it('because it is empty, or no YAML, or a second one for a realm, changes nothing either', async () => {
    const at = await started();
    const planner = await at.join('planner');
    let rejected = 0;
    const broken: [string, string][] = [
      ['realms/swarm.yaml', ''],
      ['realms/swarm.yaml', 'realm: [unclosed\n  - {'],
      ['realms/copy.yaml', SWARM],
      ['router.yaml', ROUTER.replace('endpoints:', 'endpionts:')],
    ];
    for (const [name, text] of broken) {
      at.write(name, text);
      rejected += 1;
      await at.reloads('rejected', rejected);
      await planner.settle();
      (await at.join('planner')).destroy();
      if (name === 'realms/copy.yaml') rmSync(at.path(name));
      else at.write(name, name === 'router.yaml' ? ROUTER : SWARM);
    }
    await planner.settle();
  });

  it('because it is half written is not read: truncated, a while later written in pieces', async () => {
    const at = await started();
    const beside = await traffic(at);
    const planner = await at.join('planner');
    const text = SWARM.replace('worker: { role: agent', 'worker: { role: other').concat(`  other: [${ALL}]\n`);
    truncateSync(at.path('realms/swarm.yaml'));
    await pause(100);
    for (let end = 0; end < text.length; end += 40) {
      at.write('realms/swarm.yaml', text.slice(0, end + 40));
      await pause(10);
    }
    await at.reloads('applied', 1);
    expect((await metricsOf(at.admin)).get('waggle_reloads_total{outcome="rejected"}') ?? 0).toBe(0);
    const worker = await at.join('worker');
    expect(worker.welcome.authrole).toBe('other');
    await planner.settle();
    await beside.check();
  });
});

describe('a file that vanishes', { timeout: 40_000 }, () => {
  it('ends its sessions with close_realm after two seconds, and no others', async () => {
    const at = await started();
    const beside = await traffic(at);
    const planner = await at.join('planner');
    const since = performance.now();
    rmSync(at.path('realms/swarm.yaml'));
    expect(await planner.expect(GOODBYE)).toMatchObject({ reason: 'wamp.close.close_realm' });
    expect(performance.now() - since).toBeGreaterThan(GONE_MS - 100);
    planner.send([GOODBYE, {}, 'wamp.close.goodbye_and_out']);
    await planner.ended;
    const late = await RawClient.connect(at.url);
    late.hello('swarm');
    expect(await late.expect(ABORT)).toMatchObject({ reason: 'wamp.error.no_such_realm' });
    await beside.check();
    at.write('realms/swarm.yaml', SWARM);
    await vi.waitFor(async () => expect(await isRefused(at, 'planner', 'planner-ticket')).toBe(false), SOON);
  });

  it('and comes back within two seconds disturbs nobody, the same or another', async () => {
    const at = await started();
    const planner = await at.join('planner');
    await planner.register('mine');
    renameSync(at.path('realms/swarm.yaml'), at.path('swarm.away'));
    await pause(1000);
    await planner.settle();
    renameSync(at.path('swarm.away'), at.path('realms/swarm.yaml'));
    rmSync(at.path('realms/traffic.yaml'));
    await pause(500);
    at.write('realms/traffic.yaml', TRAFFIC.replace('anybody: [', 'other: [], anybody: ['));
    await at.reloads('applied', 1);
    await pause(GONE_MS);
    expect(await planner.settle()).toEqual([]);
    planner.call('mine');
    await planner.expect(INVOCATION);
  });

  it('and has another name then is the same realm', async () => {
    const at = await started();
    const beside = await traffic(at);
    const planner = await at.join('planner');
    renameSync(at.path('realms/swarm.yaml'), at.path('realms/renamed.yaml'));
    await pause(GONE_MS + 1500);
    expect(await planner.settle()).toEqual([]);
    (await at.join('planner')).destroy();
    at.write(
      'realms/renamed.yaml',
      SWARM.replace('worker: { role: agent', 'worker: { role: other').concat(`  other: [${ALL}]\n`),
    );
    await vi.waitFor(async () => {
      const worker = await at.join('worker');
      worker.destroy();
      expect(worker.welcome.authrole).toBe('other');
    }, SOON);
    await planner.settle();
    await beside.check();
  });

  it('with all others at once is an error, and nothing changes', async () => {
    const at = await started();
    const beside = await traffic(at);
    const planner = await at.join('planner');
    for (const name of ['realms/swarm.yaml', 'realms/traffic.yaml']) rmSync(at.path(name));
    await at.reloads('rejected', 1);
    await pause(GONE_MS);
    expect(await planner.settle()).toEqual([]);
    (await at.join('planner')).destroy();
    await beside.check();
  });
});

describe('a change in force', { timeout: 40_000 }, () => {
  it('adds the realm of a new file', async () => {
    const at = await started();
    const beside = await traffic(at);
    at.write('realms/added.yaml', TRAFFIC.replace('realm: traffic', 'realm: added'));
    await vi.waitFor(async () => (await (await RawClient.connect(at.url)).join('added')).destroy(), SOON);
    await beside.check();
  });

  it('ends sessions of a removed principal, has those of a changed role come back, leaves all others', async () => {
    const swarm = SWARM.replace('roles:', '  third: { role: agent, ticket: { env: PLANNER } }\nroles:');
    const at = await started({ 'realms/swarm.yaml': swarm });
    const beside = await traffic(at);
    const [planner, worker, third] = [
      await at.join('planner'),
      await at.join('worker'),
      await at.join('third', 'planner-ticket'),
    ];
    const changed = swarm
      .replace(/ {2}planner: .*\n/, '')
      .replace('worker: { role: agent', 'worker: { role: other')
      .concat(`  other: [${ALL}]\n`);
    at.write('realms/swarm.yaml', changed);
    expect(await planner.expect(GOODBYE)).toMatchObject({ reason: 'wamp.close.killed' });
    expect(await worker.ended).toMatchObject({ code: 1012 });
    expect(worker.received.some((message) => (message as unknown[])[0] === GOODBYE)).toBe(false);
    expect((await at.join('worker')).welcome.authrole).toBe('other');
    expect(await isRefused(at, 'planner', 'planner-ticket')).toBe(true);
    expect(await third.settle()).toEqual([]);
    await beside.check();
  });

  it('revokes subscriptions and registrations that are no longer allowed, and leaves the rest of the session', async () => {
    const at = await started();
    const beside = await traffic(at);
    const [planner, worker] = [await at.join('planner'), await at.join('worker')];
    const kept = await planner.subscribe('open.topic');
    const subscription = await planner.subscribe('secret.topic');
    await planner.register('open.procedure');
    const registration = await planner.register('secret.procedure');
    at.write(
      'realms/swarm.yaml',
      SWARM.replace(ALL, `${ALL}\n    - { uri: secret., match: prefix, deny: [subscribe, register] }`),
    );
    expect(await planner.expect(UNSUBSCRIBED)).toMatchObject({ request: 0, details: { subscription } });
    expect(await planner.expect(UNREGISTERED)).toMatchObject({ request: 0, details: { registration } });
    worker.publish('secret.topic');
    worker.publish('open.topic', { acknowledge: true });
    await worker.expect(PUBLISHED);
    expect(await planner.expect(EVENT)).toMatchObject({ subscription: kept });
    worker.call('secret.procedure');
    expect(await worker.expect(ERROR)).toMatchObject({ error: 'wamp.error.no_such_procedure' });
    worker.call('open.procedure');
    await planner.expect(INVOCATION);
    await beside.check();
  });

  it('of a secret file: the new ticket works, the old one does not, its sessions end and no others', async () => {
    const at = await started();
    const beside = await traffic(at);
    const [planner, worker] = [await at.join('planner'), await at.join('worker')];
    at.write('worker.ticket', 'another-ticket\n');
    expect(await worker.expect(GOODBYE)).toMatchObject({ reason: 'wamp.close.killed' });
    await (await at.join('worker', 'another-ticket')).settle();
    expect(await isRefused(at, 'worker', 'worker-ticket')).toBe(true);
    expect(await planner.settle()).toEqual([]);
    expect(at.router.stderr).not.toMatch(/another-ticket|worker-ticket|planner-ticket/);
    await beside.check();
  });

  it('of limits is obeyed by the next message, in router.yaml and in a realm file', async () => {
    const at = await started();
    const planner = await at.join('planner');
    for (let i = 0; i < 3; i += 1) await planner.subscribe(`topic.${i}`);
    at.write('router.yaml', `${ROUTER}limits: { maxSubscriptionsPerSession: 3 }\n`);
    await at.reloads('applied', 1);
    planner.send([MessageType.SUBSCRIBE, planner.next(), {}, 'topic.more']);
    expect(await planner.expect(ERROR)).toMatchObject({ error: 'waggle.error.limit_exceeded' });
    at.write('realms/swarm.yaml', `${SWARM}limits: { maxUriBytes: 20 }\n`);
    await at.reloads('applied', 2);
    planner.send([MessageType.REGISTER, planner.next(), {}, 'a.procedure.with.a.long.name']);
    expect(await planner.expect(ERROR)).toMatchObject({ error: 'wamp.error.invalid_uri' });
    at.write('router.yaml', `${ROUTER}limits: { maxSessions: 1 }\n`);
    await at.reloads('applied', 3);
    const refused = await RawWebSocket.open({ port: at.port, path: '/ws', protocols: ['wamp.2.json'] });
    expect(refused.status).toBe(503);
    planner.publish('topic.0', { acknowledge: true });
    await planner.expect(PUBLISHED);
  });

  it('of the log level is obeyed by the next line', async () => {
    const at = await started();
    (await at.join('planner')).destroy();
    expect(at.router.log.some(({ level }) => level === 20)).toBe(false);
    at.write('router.yaml', `${ROUTER}log: { level: debug }\n`);
    await at.reloads('applied', 1);
    (await at.join('planner')).destroy();
    await at.router.until(({ log }) => log.some(({ level, msg }) => level === 20 && msg.includes('joined')));
  });

  it('of hosts and origins is obeyed by the next request', async () => {
    const at = await started();
    const upgrade = (headers: Record<string, string>) =>
      RawWebSocket.open({ port: at.port, path: '/ws', protocols: ['wamp.2.json'], headers });
    expect((await upgrade({ Host: 'router.example' })).status).toBe(421);
    expect((await upgrade({ Origin: 'https://app.example' })).status).toBe(403);
    const lines = '    hosts: [router.example]\n    origins: ["https://app.example"]\n    endpoints:';
    at.write('router.yaml', ROUTER.replace('    endpoints:', lines));
    await at.reloads('applied', 1);
    const both = await upgrade({ Host: 'router.example', Origin: 'https://app.example' });
    expect(both.status).toBe(101);
    both.destroy();
    at.write('router.yaml', ROUTER);
    await at.reloads('applied', 2);
    expect((await upgrade({ Host: 'router.example' })).status).toBe(421);
  });

  it('of anything else in router.yaml is reported as "restart needed" and changes nothing', async () => {
    const at = await started();
    const planner = await at.join('planner');
    const more = ROUTER.replace('path: /ws', 'path: /other').concat('shutdown: { drainMs: 1 }\n');
    at.write('router.yaml', more);
    await at.router.until(({ log }) => log.filter(({ msg }) => msg.endsWith('restart needed')).length >= 2);
    const logged = messages(at.router);
    expect(logged).toMatch(/^listeners\[[^\]]*\]\.endpoints: restart needed$/m);
    expect(logged).toMatch(/^shutdown: restart needed$/m);
    (await at.join('planner')).destroy();
    await planner.settle();
    // A later change that can be taken over is, and is not held up by the other.
    at.write('router.yaml', `${more}log: { level: debug }\n`);
    await at.router.until(({ log }) => log.some(({ msg }) => msg === 'reloaded: log'));
  });

  it('many at once, saved without a pause, end in the last one', async () => {
    const at = await started();
    const beside = await traffic(at);
    for (let i = 0; i < 40; i += 1) {
      at.write('realms/swarm.yaml', `${SWARM}  role-${i}: []\n`);
      at.write('router.yaml', `${ROUTER}limits: { maxSessions: ${100 + i} }\n`);
      if (i % 10 === 0) await pause(30);
    }
    const last = SWARM.replace('worker: { role: agent', 'worker: { role: last').concat(`  last: [${ALL}]\n`);
    at.write('realms/swarm.yaml', last);
    await vi.waitFor(async () => {
      const worker = await at.join('worker');
      worker.destroy();
      expect(worker.welcome.authrole).toBe('last');
    }, SOON);
    await beside.check();
  });
});

describe('a TLS certificate', { timeout: 40_000 }, () => {
  const TLS = ROUTER.replace('    endpoints', '    tls: { cert: cert.pem, key: key.pem }\n    endpoints');

  /** Subject of the certificate that a new connection is shown. */
  const shown = (port: number) =>
    new Promise<string>((resolve, reject) => {
      const socket = connectTls({ host: '127.0.0.1', port, rejectUnauthorized: false }, () => {
        resolve(String(socket.getPeerCertificate().subject.CN));
        socket.destroy();
      });
      socket.on('error', reject);
    });

  it('that is replaced is shown to new connections; an open one goes on; a key that does not fit changes nothing', async () => {
    const at = await started({ 'router.yaml': TLS, 'cert.pem': certificateA.cert, 'key.pem': certificateA.key });
    const open = await RawWebSocket.open({ port: at.port, path: '/ws', protocols: ['wamp.2.json'], tls: true });
    onTestFinished(() => open.destroy());
    open.text(JSON.stringify([1, 'traffic', { roles: { subscriber: {} } }]));
    await open.next();
    const before = await shown(at.port);
    at.write('cert.pem', certificateB.cert);
    await at.reloads('rejected', 1);
    expect(messages(at.router)).toContain('cert.pem');
    expect(await shown(at.port)).toBe(before);
    at.write('key.pem', certificateB.key);
    await vi.waitFor(async () => expect(await shown(at.port)).not.toBe(before), SOON);
    open.text(JSON.stringify([MessageType.SUBSCRIBE, 1, {}, 'still.here']));
    expect(JSON.parse(await open.nextText())[0]).toBe(SUBSCRIBED);
  });
});

it('a reload while thousands of registrations stand judges each, and traffic goes on', {
  timeout: 40_000,
}, async () => {
  const at = await started();
  const beside = await traffic(at);
  const planner = await at.join('planner');
  const marks = Array.from({ length: 2000 }, () => randomBytes(4).toString('hex'));
  for (const mark of marks) planner.send([MessageType.REGISTER, planner.next(), {}, `secret.${mark}`]);
  for (const _ of marks) await planner.expect(REGISTERED);
  at.write('realms/swarm.yaml', SWARM.replace(ALL, `${ALL}\n    - { uri: secret., match: prefix, deny: [register] }`));
  for (const _ of marks) expect(await planner.expect(UNREGISTERED)).toMatchObject({ request: 0 });
  expect((await metricsOf(at.admin)).get('waggle_registrations')).toBe(1);
  await beside.check();
});
