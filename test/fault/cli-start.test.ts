/** `waggle start` as people and service managers meet it: what it prints, how it stops, how it fails (CONTRACT §1, §6). */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { joinAgent } from '../support/autobahn-client.ts';
import { RawClient } from '../support/raw-client.ts';
import { RawWebSocket } from '../support/raw-websocket.ts';
import { OPEN_REALM } from '../support/start-router.ts';
import { build, folderOf, ROOT, spawnCommand, waggle } from '../support/waggle-process.ts';

const GOODBYE = 6;
const RESULT = 50;
const INVOCATION = 68;
const YIELD = 70;

const LISTENERS = `
listeners:
  - tcp: 127.0.0.1:0
    endpoints: [{ path: /ws, protocol: wamp }]
admin: { tcp: 127.0.0.1:0 }
`;

/** A folder with a router file and one realm. @returns the router file's path */
function config(extra = '', listeners = LISTENERS, realm = OPEN_REALM): string {
  const folder = folderOf({ 'router.yaml': `realms: realms\n${listeners}${extra}\n`, 'realms/realm1.yaml': realm });
  return join(folder, 'router.yaml');
}

async function running(extra = '') {
  const router = await waggle(['start', '--config', config(extra)]).ready();
  return { router, url: router.url(), port: Number(new URL(router.url()).port) };
}

/** The shipped files with free ports for the fixed ones. */
function shippedConfig(): string {
  const router = readFileSync(join(ROOT, 'config/router.yaml'), 'utf8').replaceAll(/127\.0\.0\.1:\d+/g, '127.0.0.1:0');
  const realm = readFileSync(join(ROOT, 'realms/yamtam-swarm.yaml'), 'utf8');
  return join(folderOf({ 'config/router.yaml': router, 'realms/yamtam-swarm.yaml': realm }), 'config/router.yaml');
}

async function isOpen(port: number): Promise<boolean> {
  const { connect } = await import('node:net');
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Two clients and one call between them that is not answered yet. */
async function callInFlight(url: string) {
  const callee = await (await RawClient.connect(url)).join('realm1');
  const caller = await (await RawClient.connect(url)).join('realm1');
  await callee.register('slow.work');
  caller.call('slow.work');
  const invocation = await callee.expect(INVOCATION);
  return { callee, caller, answer: () => callee.send([YIELD, invocation.request, {}, ['done']]) };
}

beforeAll(build, 120_000);

describe('what start prints', () => {
  it('is one line per endpoint and then that it is ready, on stdout; the log is JSON on stderr', async () => {
    const { router } = await running();
    const lines = router.stdout.trimEnd().split('\n');
    expect(lines).toEqual([
      expect.stringMatching(/^listening ws:\/\/127\.0\.0\.1:\d+\/ws wamp$/),
      expect.stringMatching(/^listening http:\/\/127\.0\.0\.1:\d+\/ admin$/),
      expect.stringMatching(/^ready in \d+ ms$/),
    ]);
    router.kill('SIGTERM');
    await router.ended;
    expect(router.log.map(({ msg }) => msg)).toContain('SIGTERM: stopping');
    expect(router.stdout.trimEnd().split('\n')).toEqual(lines);
  });

  it('names what the config asks for and this version does not have', async () => {
    const listeners = LISTENERS.replace('protocol: wamp }', 'protocol: wamp }, { path: /mcp, protocol: mcp }');
    const router = await waggle(['start', '--config', config('', listeners)]).ready();
    expect(router.stdout).toMatch(/^not built yet: .*\bmcp\b/m);
    expect(router.stdout).not.toMatch(/listening .* mcp/);
  });

  it('with YAMTAM_AGENT_TOKEN unset the shipped files make a ticket, and the two lines printed let an agent in', async () => {
    const router = await waggle(['start', '--config', shippedConfig()]).ready();
    const exports = [...router.stdout.matchAll(/^ *export (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]);
    expect(exports.map(([name]) => name)).toEqual(['YAMTAM_AGENT_ID', 'YAMTAM_AGENT_TOKEN']);
    const [[, authid], [, ticket]] = exports as [string[], string[]];
    const agent = await joinAgent({ url: router.url() }, 'json', {
      realm: 'yamtam-swarm',
      authid: authid ?? '',
      authmethods: ['ticket'],
      onchallenge: () => ticket,
    });
    expect(agent.details).toMatchObject({ authid, authrole: 'agent', authmethod: 'ticket' });
    await agent.leave();
    expect(router.stderr).not.toContain(ticket);
  });

  it('with YAMTAM_AGENT_TOKEN set no ticket is printed, neither ours nor theirs, and theirs lets an agent in', async () => {
    const token = 'set-by-the-admin-7f3a';
    const router = await waggle(['start', '--config', shippedConfig()], { env: { YAMTAM_AGENT_TOKEN: token } }).ready();
    const client = await RawClient.connect(router.url());
    await client.join('yamtam-swarm', { authid: 'worker-1', authmethods: ['ticket'], ticket: token });
    client.close();
    router.kill('SIGTERM');
    await router.ended;
    expect(router.stdout).not.toContain('export');
    expect(router.stdout + router.stderr).not.toContain(token);
  });

  it('no ticket is made for a realm that is not of environment dev', async () => {
    const file = shippedConfig();
    const realm = readFileSync(join(file, '../../realms/yamtam-swarm.yaml'), 'utf8');
    const folder = folderOf({
      'config/router.yaml': readFileSync(file, 'utf8'),
      'realms/yamtam-swarm.yaml': realm.replace('environment: dev', 'environment: prod'),
    });
    const router = await waggle(['start', '--config', join(folder, 'config/router.yaml')]).ready();
    expect(router.stdout).not.toContain('export');
    expect(router.log.some(({ msg }) => msg.includes('YAMTAM_AGENT_TOKEN'))).toBe(true);
  });
});

describe('a stop', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'by %s ends with exit code 0, idle or not, scraped or not',
    async (signal) => {
      const { router, url } = await running();
      const client = await (await RawClient.connect(url)).join('realm1');
      await (await fetch(`${router.url('admin')}/metrics`)).text();
      router.kill(signal);
      expect(await client.ended).toMatchObject({ code: 1012 });
      expect(await router.ended).toEqual({ code: 0, signal: null });
    },
  );

  it('stops accepting, is not ready, lets a call in flight finish, then closes with 1012 and without GOODBYE', async () => {
    const { router, url, port } = await running('shutdown: { drainMs: 10000 }');
    const admin = router.url('admin');
    const { caller, callee, answer } = await callInFlight(url);
    expect((await fetch(`${admin}/readyz`)).status).toBe(200);
    router.kill('SIGTERM');
    await router.until(({ stderr }) => stderr.includes('SIGTERM: stopping'));
    await vi.waitFor(async () => expect(await isOpen(port)).toBe(false));
    expect((await fetch(`${admin}/readyz`)).status).toBe(503);
    expect((await fetch(`${admin}/healthz`)).status).toBe(200);
    answer();
    expect(await caller.expect(RESULT)).toMatchObject({ type: RESULT });
    expect(await caller.ended).toMatchObject({ code: 1012 });
    expect(await callee.ended).toMatchObject({ code: 1012 });
    for (const { received } of [caller, callee]) {
      expect(received.some((message) => Array.isArray(message) && message[0] === GOODBYE)).toBe(false);
    }
    expect(await router.ended).toEqual({ code: 0, signal: null });
  });

  it('does not wait longer than drainMs for a call that is not answered', async () => {
    const { router, url } = await running('shutdown: { drainMs: 50 }');
    const { caller, callee } = await callInFlight(url);
    router.kill('SIGTERM');
    expect(await caller.ended).toMatchObject({ code: 1012 });
    expect(await callee.ended).toMatchObject({ code: 1012 });
    expect(await router.ended).toEqual({ code: 0, signal: null });
  });

  it('closes connections that have not joined with 1012, too', async () => {
    const { router, port } = await running();
    const socket = await RawWebSocket.open({ port, path: '/ws', protocols: ['wamp.2.json'] });
    router.kill('SIGTERM');
    expect(await socket.closeFrame()).toMatchObject({ code: 1012 });
    socket.close(1012);
    expect(await router.ended).toEqual({ code: 0, signal: null });
  });

  it('is not held up by a peer that is frozen', async () => {
    const { router, url, port } = await running();
    const frozen = await RawWebSocket.open({ port, path: '/ws', protocols: ['wamp.2.json'] });
    frozen.freeze();
    const client = await (await RawClient.connect(url)).join('realm1');
    router.kill('SIGTERM');
    expect(await client.ended).toMatchObject({ code: 1012 });
    expect(await router.ended).toEqual({ code: 0, signal: null });
  });

  it('with shutdown.mode goodbye says GOODBYE system_shutdown instead', async () => {
    const { router, url } = await running('shutdown: { mode: goodbye }');
    const client = await (await RawClient.connect(url)).join('realm1');
    router.kill('SIGTERM');
    expect(await client.expect(GOODBYE)).toMatchObject({ reason: 'wamp.close.system_shutdown' });
    client.send([GOODBYE, {}, 'wamp.close.goodbye_and_out']);
    expect(await client.ended).toMatchObject({ code: 1000 });
    expect(await router.ended).toEqual({ code: 0, signal: null });
  });

  it('asked for a second time ends at once, whatever is in flight', async () => {
    const { router, url } = await running('shutdown: { drainMs: 60000 }');
    await callInFlight(url);
    router.kill('SIGTERM');
    await router.until(({ stderr }) => stderr.includes('SIGTERM: stopping'));
    router.kill('SIGTERM');
    expect(await router.ended).toEqual({ code: 143, signal: null });
  });

  it('through npm start reaches the router', { timeout: 60_000 }, async () => {
    const file = config();
    const router = await spawnCommand('npm', ['start', '--', '--config', file]).ready();
    const client = await (await RawClient.connect(router.url())).join('realm1');
    router.kill('SIGTERM');
    expect(await client.ended).toMatchObject({ code: 1012 });
    expect((await router.ended).code).toBe(0);
  });

  it('through npm start from another folder has --config meant from there', { timeout: 60_000 }, async () => {
    const folder = dirname(config());
    for (const args of [['--config', './router.yaml'], ['--config=router.yaml']]) {
      const router = spawnCommand('npm', ['--prefix', ROOT, 'start', '--', ...args], { cwd: folder });
      await router.ready();
      router.kill('SIGTERM');
      expect((await router.ended).code).toBe(0);
    }
  });

  it('and a restart on the same port have a stock autobahn agent back within 5 s', { timeout: 30_000 }, async () => {
    const { router, url, port } = await running();
    const { autobahnConnection } = await import('../support/autobahn-client.ts');
    const connection = autobahnConnection({ url }, 'json', { max_retries: undefined });
    onTestFinished(() => connection.close());
    let opened = 0;
    let wake = (): void => {};
    connection.onopen = () => {
      opened += 1;
      wake();
    };
    const joined = async (times: number): Promise<void> => {
      while (opened < times) await new Promise<void>((resolve) => (wake = resolve));
    };
    connection.open();
    await joined(1);
    router.kill('SIGTERM');
    expect((await router.ended).code).toBe(0);
    const again = config('', LISTENERS.replace('127.0.0.1:0\n    endpoints', `127.0.0.1:${port}\n    endpoints`));
    await waggle(['start', '--config', again]).ready();
    const since = performance.now();
    await joined(2);
    expect(performance.now() - since).toBeLessThan(5000);
  });
});

describe('a start that fails', () => {
  it('because of the config prints every problem on stderr as check does, exits 1, and nothing listens', async () => {
    const realm = OPEN_REALM.replace('anonymous: { role: anybody }', 'anonymous: { role: nobody }');
    const file = config('limits: { maxSessions: -1, bogus: 1 }', LISTENERS, realm);
    const started = waggle(['start', '--config', file]);
    expect(await started.ended).toEqual({ code: 1, signal: null });
    const checked = waggle(['check', '--config', file]);
    expect((await checked.ended).code).toBe(1);
    const problems = started.stderr.trimEnd().split('\n');
    expect(problems.length).toBeGreaterThanOrEqual(3);
    for (const problem of problems) {
      expect(problem).toMatch(/^\S+\.yaml:\d+:\d+: \S+: /);
      expect(checked.stdout + checked.stderr).toContain(problem);
    }
    expect(started.stdout).toBe('');
  });

  it('because there is no config file says which, exits 1', async () => {
    const started = waggle(['start', '--config', '/nowhere/router.yaml']);
    expect((await started.ended).code).toBe(1);
    expect(started.stderr).toContain('/nowhere/router.yaml');
    expect(started.stderr).not.toMatch(/^ {4}at /m);
  });

  it('because a port is taken names it without a stack, exits 1, and what was opened before is closed', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void taken.close());
    const { port } = taken.address() as { port: number };
    const started = waggle([
      'start',
      '--config',
      config('', LISTENERS.replace('admin: { tcp: 127.0.0.1:0', `admin: { tcp: 127.0.0.1:${port}`)),
    ]);
    expect(await started.ended).toEqual({ code: 1, signal: null });
    expect(started.stderr).toContain(`127.0.0.1:${port}`);
    expect(started.stderr).toMatch(/in use|taken/);
    expect(started.stderr).not.toMatch(/^ {4}at /m);
    expect(started.stdout).not.toContain('ready');
  });

  it('because of a certificate that does not fit its key names the files, exits 1', async () => {
    const { certificateA, certificateB } = await import('../support/certificates.ts');
    const folder = folderOf({
      'router.yaml': `realms: realms\nlisteners:\n  - tcp: 127.0.0.1:0\n    tls: { cert: cert.pem, key: key.pem }\n    endpoints: [{ path: /ws, protocol: wamp }]\n`,
      'realms/realm1.yaml': OPEN_REALM,
      'cert.pem': certificateA.cert,
      'key.pem': certificateB.key,
    });
    const started = waggle(['start', '--config', join(folder, 'router.yaml')]);
    expect(await started.ended).toEqual({ code: 1, signal: null });
    expect(started.stderr).toContain('cert.pem');
    expect(started.stderr).not.toMatch(/^ {4}at /m);
  });

  it.each([[['start', '--bogus']], [['start', 'surplus']], [['bogus']]])(
    'because of wrong usage exits 2 and says so: %j',
    async (args) => {
      const started = waggle(args);
      expect(await started.ended).toEqual({ code: 2, signal: null });
      expect(started.stderr).toContain('error:');
      expect(started.stdout).toBe('');
    },
  );
});
