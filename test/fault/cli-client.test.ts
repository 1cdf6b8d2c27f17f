/** `waggle call | publish | subscribe | register`: the built command, as people and scripts use it (CONTRACT §1). */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { OPEN_REALM, type RunningRouter, startRouter } from '../support/start-router.ts';
import { build, folderOf, ROOT, type WaggleProcess, waggle } from '../support/waggle-process.ts';

beforeAll(build, 120_000);

async function router(realm = OPEN_REALM, env: Readonly<Record<string, string>> = {}): Promise<RunningRouter> {
  const running = await startRouter({ realms: { realm1: realm }, env });
  onTestFinished(() => running.stop());
  return running;
}

/** `waggle …` with that router in its environment. */
function client({ url }: { readonly url: string }, ...args: readonly string[]): WaggleProcess {
  return waggle(args, { env: { WAGGLE_URL: url, WAGGLE_REALM: 'realm1' } });
}

async function ended(run: WaggleProcess) {
  const { code } = await run.ended;
  return { code, out: run.stdout, err: run.stderr };
}

async function registered(where: RunningRouter, ...args: readonly string[]): Promise<WaggleProcess> {
  const run = client(where, 'register', ...args);
  await run.until(({ stderr }) => stderr.includes('registered'));
  return run;
}

async function subscribed(where: RunningRouter, ...args: readonly string[]): Promise<WaggleProcess> {
  const run = client(where, 'subscribe', ...args);
  await run.until(({ stderr }) => stderr.includes('subscribed'));
  return run;
}

describe('waggle call', () => {
  it('prints the result on stdout and nothing else: positional values one a line, keyword ones as key=value', async () => {
    const where = await router();
    await registered(where, 'a.echo');
    expect(await ended(client(where, 'call', 'a.echo', 'hello world'))).toEqual({
      code: 0,
      out: 'hello world\n',
      err: '',
    });
    const run = client(where, 'call', 'a.echo', '1', '{"b":[2]}', '-k', 'who=swarm', '-k', 'n=7');
    expect(await ended(run)).toEqual({ code: 0, out: '1\n{"b":[2]}\nwho=swarm\nn=7\n', err: '' });
    const json = client(where, 'call', 'a.echo', '1', '-k', 'n=7', '--json');
    expect((await ended(json)).out).toBe('{"args":[1],"kwargs":{"n":7}}\n');
    expect((await ended(client(where, 'call', 'a.echo'))).out).toBe('');
  });

  it('says on stderr what a peer refused, exit 1', async () => {
    const where = await router();
    const refused = await ended(client(where, 'call', 'a.nobody'));
    expect(refused).toMatchObject({ code: 1, out: '' });
    expect(refused.err).toMatch(/^wamp\.error\.no_such_procedure.*\n$/);
    const json = await ended(client(where, 'call', 'a.nobody', '--json'));
    expect(JSON.parse(json.err)).toMatchObject({ error: 'wamp.error.no_such_procedure' });
  });

  it('waits no longer than it may, exit 1', async () => {
    const where = await router();
    const { answer } = await stuck(where);
    const late = await ended(client(where, 'call', 'a.stuck', '--timeout', '50ms'));
    expect(late).toMatchObject({ code: 1, out: '' });
    expect(late.err).toMatch(/^wamp\.error\.timeout/);
    answer();
  });

  it('where there is no router says so at once, exit 1', async () => {
    const gone = await startRouter();
    await gone.stop();
    const { code, out, err } = await ended(client(gone, 'call', 'a.b'));
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(/^ws:.*ECONNREFUSED.*\n$/);
  });

  it.each([
    [['call']],
    [['call', 'a.b', '-k', 'novalue']],
    [['call', 'a.b', '-k', 'a=1', '-k', 'a=2']],
    [['call', 'a.b', '--timeout', 'soon']],
    [['call', 'a.b', '--url', 'http://127.0.0.1/']],
    [['call', 'a.b', '--ticket-env', 'NONE']],
    [['call', 'a.b', '--ticket-env', 'NONE', '--key-file', 'f']],
    [['call', 'a.b', '--key-file', 'package.json']],
    [['subscribe', 'a.b', '--count', '0']],
    [['subscribe', 'a.b', '--match', 'glob']],
  ])('%j is wrong usage: exit 2, and nothing was tried', async (args) => {
    const { code, out, err } = await ended(waggle(args));
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(`(try 'waggle ${args[0]} --help')`);
  });

  it('joins with the ticket of a variable, or a key file; a wrong one is refused without being shown', async () => {
    const made = await ended(waggle(['keys', 'new']));
    const [, seed = ''] = /^([0-9a-f]{64})$/m.exec(made.out) ?? [];
    const [, publicKey] = /cryptosign: \["(\w+)"\]/.exec(made.out) ?? [];
    const realm = `
realm: realm1
environment: test
principals:
  keeper: { role: any, ticket: { env: KEEPER }, cryptosign: ["${publicKey}"] }
roles: { any: [{ uri: "", match: prefix, allow: [call, register, publish, subscribe] }] }
`;
    const where = await router(realm, { KEEPER: 'the-ticket' });
    const env = { WAGGLE_URL: where.url, WAGGLE_REALM: 'realm1' };
    const count = ['call', 'wamp.session.count', '--authid', 'keeper'];
    const byTicket = waggle([...count, '--ticket-env', 'MY'], { env: { ...env, MY: 'the-ticket' } });
    expect(await ended(byTicket)).toEqual({ code: 0, out: '1\n', err: '' });
    const file = join(folderOf({ 'a.key': `${seed}\n` }), 'a.key');
    expect(await ended(waggle([...count, '--key-file', file], { env }))).toEqual({ code: 0, out: '1\n', err: '' });
    const wrong = await ended(waggle([...count, '--ticket-env', 'MY'], { env: { ...env, MY: 'wrong-one' } }));
    expect(wrong).toMatchObject({ code: 1, out: '' });
    expect(wrong.err).toMatch(/^wamp\.error\.authentication_denied/);
    expect(wrong.err).not.toContain('wrong-one');
  });
});

/** A procedure that answers when it is told to. */
async function stuck(where: RunningRouter) {
  const { joinAgent } = await import('../support/autobahn-client.ts');
  const agent = await joinAgent({ url: where.url });
  let answer: () => void = () => {};
  const answered = new Promise<void>((resolve) => {
    answer = resolve;
  });
  await agent.session.register('a.stuck', () => answered);
  return { answer };
}

describe('waggle publish and subscribe', () => {
  it('what one publishes the other prints as a JSON line, and --count ends it with 0', async () => {
    const where = await router();
    const listener = await subscribed(where, 'a.', '--match', 'prefix', '--count', '2');
    const first = await ended(client(where, 'publish', 'a.topic', '1', 'two', '-k', 'b=true'));
    expect(first).toEqual({ code: 0, out: expect.stringMatching(/^\d+\n$/), err: '' });
    const second = await ended(client(where, 'publish', 'a.other', '--json'));
    const { code, out } = await ended(listener);
    expect(code).toBe(0);
    const lines = out
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toMatchObject([
      { topic: 'a.topic', args: [1, 'two'], kwargs: { b: true }, publication: Number(first.out) },
      { topic: 'a.other', args: [], kwargs: {}, publication: JSON.parse(second.out).publication },
    ]);
  });

  it.each(['SIGINT', 'SIGTERM'] as const)('%s ends it with 0, and the session leaves', async (signal) => {
    const where = await router();
    const listener = await subscribed(where, 'a.topic');
    listener.kill(signal);
    expect((await ended(listener)).code).toBe(0);
    expect((await ended(client(where, 'call', 'wamp.session.count'))).out).toBe('1\n');
  });

  it('a reader that has had enough ends it with 0, as pipes do', async () => {
    const where = await router();
    const script = `'${process.execPath}' dist/main.js subscribe a.topic | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const env = { PATH: process.env.PATH ?? '', WAGGLE_URL: where.url, WAGGLE_REALM: 'realm1' };
    const shell = spawn('bash', ['-c', script], { cwd: ROOT, env });
    let out = '';
    shell.stdout.setEncoding('utf8').on('data', (text) => {
      out += text;
    });
    const over = once(shell, 'close');
    // Until both have noticed: the first is for head, the next for the broken pipe.
    let open = true;
    void over.then(() => {
      open = false;
    });
    while (open) await ended(client(where, 'publish', 'a.topic', 'x'));
    expect(out.trimEnd().split('\n').at(-1)).toBe('0');
  });

  it('a time that is over before --count is reached is exit 1, without --count it is 0', async () => {
    const where = await router();
    const early = await ended(client(where, 'subscribe', 'a.topic', '--count', '1', '--timeout', '50ms'));
    expect(early).toEqual({ code: 1, out: '', err: 'subscribed to a.topic\n0 of 1 events came in time\n' });
    expect((await ended(client(where, 'subscribe', 'a.topic', '--timeout', '50ms'))).code).toBe(0);
  });

  it('what the router refuses is exit 1', async () => {
    const where = await router(OPEN_REALM.replace('publish, subscribe', ''));
    for (const command of ['publish', 'subscribe']) {
      const { code, err } = await ended(client(where, command, 'a.topic'));
      expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/^wamp\.error\.not_authorized/) });
    }
  });

  it('comes back after a restart of the router, and says that there was a gap', { timeout: 30_000 }, async () => {
    const first = await startRouter();
    const listener = await subscribed(first, 'a.topic', '--count', '1');
    await first.stop();
    await listener.until(({ stderr }) => stderr.includes('no router at'));
    const listeners = `
listeners:
  - tcp: 127.0.0.1:${first.port}
    endpoints: [{ path: /ws, protocol: wamp }]
`;
    const again = await startRouter({ listeners });
    onTestFinished(() => again.stop());
    await listener.until(({ stderr }) => stderr.includes('joined again'));
    await ended(client(again, 'publish', 'a.topic', 'back'));
    const { code, out } = await ended(listener);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ args: ['back'] });
  });
});

describe('waggle register', () => {
  it('answers with what it was given, prints each call as a JSON line, and ends after --count', async () => {
    const where = await router();
    const callee = await registered(where, 'a.echo', '--count', '1');
    expect((await ended(client(where, 'call', 'a.echo', '1', '-k', 'b=2', '--json'))).out).toBe(
      '{"args":[1],"kwargs":{"b":2}}\n',
    );
    const { code, out } = await ended(callee);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ procedure: 'a.echo', args: [1], kwargs: { b: 2 } });
  });

  it('answers from a template, and what that needs and did not get is an error of the caller', async () => {
    const where = await router();
    await registered(where, 'a.greet', '--answer', 'hello {name}');
    expect((await ended(client(where, 'call', 'a.greet', '-k', 'name=swarm'))).out).toBe('hello swarm\n');
    const missing = await ended(client(where, 'call', 'a.greet'));
    expect(missing).toMatchObject({ code: 1, err: 'wamp.error.invalid_argument: argument name is missing\n' });
  });

  it('shares its procedure with others where the options of WAMP say so', async () => {
    const where = await router();
    await registered(where, 'a.work', '-o', 'invoke=roundrobin', '--answer', 'one');
    await registered(where, 'a.work', '-o', 'invoke=roundrobin', '--answer', 'two');
    const answers = [await ended(client(where, 'call', 'a.work')), await ended(client(where, 'call', 'a.work'))];
    expect(answers.map(({ out }) => out).sort()).toEqual(['one\n', 'two\n']);
  });

  it('what is taken already is exit 1', async () => {
    const where = await router();
    await registered(where, 'a.echo');
    const { code, err } = await ended(client(where, 'register', 'a.echo'));
    expect({ code, err }).toEqual({ code: 1, err: expect.stringMatching(/^wamp\.error\.procedure_already_exists/) });
  });
});

it('each has help with an example', async () => {
  for (const command of ['call', 'publish', 'subscribe', 'register']) {
    const { code, out } = await ended(waggle([command, '--help']));
    expect(code).toBe(0);
    expect(out).toMatch(new RegExp(`Example:\\n {2}\\$ waggle ${command} `));
  }
});
