/** The agents of `examples/` as their pages have them run: processes of their own, against the realm that is shipped. */
import { spawnSync } from 'node:child_process';
import { cpSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { CHROMIUM } from '../support/browser.ts';
import { RelayClient } from '../support/relay-client.ts';
import { type RunningRouter, startRouter } from '../support/start-router.ts';
import { build, folderOf, ROOT, spawnCommand, type WaggleProcess, waggle } from '../support/waggle-process.ts';

const TOKEN = 'the ticket of all agents';
const REALM = readFileSync(join(ROOT, 'realms/yamtam-swarm.yaml'), 'utf8');

beforeAll(build, 120_000);

/** The shipped realm, with one more principal. */
async function swarm(principal = ''): Promise<RunningRouter> {
  const realm = REALM.replace('principals:\n', `principals:\n${principal}`);
  return await startRouter({ realms: { 'yamtam-swarm': realm }, env: { YAMTAM_AGENT_TOKEN: TOKEN } });
}

function example(file: string, env: Readonly<Record<string, string>>, args: readonly string[] = []): WaggleProcess {
  return spawnCommand(process.execPath, [join(ROOT, 'examples', file), ...args], { env });
}

/** What a command prints, from the line that is to be pasted on. */
function printed(args: readonly string[], key: string, input = ''): string {
  const { stdout } = spawnSync(process.execPath, [join(ROOT, 'dist/main.js'), ...args], { input, encoding: 'utf8' });
  return stdout.slice(stdout.search(new RegExp(`^${key}:`, 'm'))).trim();
}

const member = (authid: string, router: RunningRouter) => ({
  WAGGLE_URL: router.url,
  YAMTAM_AGENT_ID: authid,
  YAMTAM_AGENT_TOKEN: TOKEN,
});

describe('an example', () => {
  it('registers, calls, publishes and leaves, and prints nothing but what it says', async () => {
    const router = await swarm();
    const agent = example('greeter.js', member('worker-1', router));
    expect((await agent.ended).code).toBe(0);
    expect({ out: agent.stdout, err: agent.stderr }).toEqual({ out: 'hello swarm\n', err: '' });
    await router.stop();
  });

  it('hands out tasks to workers, with nothing on stderr, not even where a procedure answers with an error', async () => {
    const router = await swarm();
    const others = [
      example('worker.js', member('worker-1', router)),
      example('tool-runner.js', member('tool-runner', router)),
    ];
    for (const other of others) await other.until(({ stdout }) => stdout.includes('ready'));
    const planner = example('planner.js', member('planner', router));
    expect((await planner.ended).code).toBe(0);
    expect(planner.stdout).toContain('refused as it should be: yamtam.error.unknown-tool');
    for (const other of others) {
      other.kill('SIGTERM');
      expect((await other.ended).code).toBe(0);
    }
    for (const { stderr } of [planner, ...others]) expect(stderr).toBe('');
    await router.stop();
  });

  it('without its variables says which is missing and where it comes from, exit 1', async () => {
    const nameless = example('monitor.js', {});
    expect((await nameless.ended).code).toBe(1);
    expect(nameless.stderr).toBe('YAMTAM_AGENT_ID is not set: npm start prints it\n');
    const penniless = example('monitor.js', { YAMTAM_AGENT_ID: 'monitor' });
    expect((await penniless.ended).code).toBe(1);
    expect(penniless.stderr).toBe('YAMTAM_AGENT_TOKEN is not set: npm start prints it\n');
  });

  it('that is denied says so and ends with exit 1', async () => {
    const router = await swarm();
    const denied = example('monitor.js', { ...member('monitor', router), YAMTAM_AGENT_TOKEN: 'wrong' });
    expect((await denied.ended).code).toBe(1);
    expect(denied.stderr).toMatch(/^wamp\.error\.authentication_denied: .+\n$/);
    await router.stop();
  });

  it('that does what its role may not do ends with exit 1', async () => {
    const router = await swarm();
    const refused = example('greeter.js', member('monitor', router));
    expect((await refused.ended).code).toBe(1);
    expect(refused.stderr).toMatch(/^wamp\.error\.not_authorized/);
    await router.stop();
  });

  it('says once that there is no router, and joins when there is one', { timeout: 30_000 }, async () => {
    const first = await swarm();
    const agent = example('monitor.js', member('monitor', first));
    await agent.until(({ stdout }) => stdout.includes('watching'));
    await first.stop();
    await agent.until(({ stderr }) => stderr.includes('no more router'));
    const realms = { 'yamtam-swarm': REALM };
    const listeners = `
listeners:
  - tcp: 127.0.0.1:${new URL(first.url).port}
    endpoints: [{ path: /ws, protocol: wamp }]
`;
    const again = await startRouter({ realms, listeners, env: { YAMTAM_AGENT_TOKEN: TOKEN } });
    await agent.until(({ stdout }) => stdout.match(/watching/g)?.length === 2);
    expect(agent.stderr).toBe(`no more router at ${first.url}: asking until it is there\n`);
    agent.kill('SIGTERM');
    expect((await agent.ended).code).toBe(0);
    await again.stop();
  });
});

describe('what a command prints, pasted into the realm file', () => {
  it('lets the holder of the key of `waggle keys new` in', async () => {
    const file = join(folderOf({}), 'agent.key');
    const pasted = printed(['keys', 'new', '--out', file], 'cryptosign');
    const router = await swarm(`  keeper: { role: agent, ${pasted} }\n`);
    const agent = example('cryptosign.js', { WAGGLE_URL: router.url }, [file]);
    expect((await agent.ended).code).toBe(0);
    expect({ out: agent.stdout, err: agent.stderr }).toEqual({ out: 'joined as keeper by cryptosign\n', err: '' });
    await router.stop();
  });

  it('lets the one who knows the secret of `waggle hash --cra` in', async () => {
    const pasted = printed(['hash', '--cra'], 'wampcra', 'the secret');
    const router = await swarm(`  keeper: { role: agent, ${pasted} }\n`);
    const env = { WAGGLE_URL: router.url, YAMTAM_AGENT_ID: 'keeper', AGENT_SECRET: 'the secret' };
    const agent = example('wampcra.js', env);
    expect((await agent.ended).code).toBe(0);
    expect({ out: agent.stdout, err: agent.stderr }).toEqual({ out: 'joined as keeper by wampcra\n', err: '' });
    await router.stop();
  });

  it('lets the agent with the two lines of `waggle ticket new` in', async () => {
    const { stdout } = spawnSync(process.execPath, [join(ROOT, 'dist/main.js'), 'ticket', 'new'], { encoding: 'utf8' });
    const env = Object.fromEntries(
      [...stdout.matchAll(/^export (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]),
    );
    const hash = /^ticket: .+$/m.exec(stdout)?.[0];
    const router = await swarm(`  ${env.YAMTAM_AGENT_ID}: { role: agent, ${hash} }\n`);
    const agent = example('greeter.js', { ...env, WAGGLE_URL: router.url });
    expect((await agent.ended).code).toBe(0);
    expect(agent.stdout).toBe('hello swarm\n');
    await router.stop();
  });
});

describe('the demo', { timeout: 150_000 }, () => {
  const demo = (env: Readonly<Record<string, string>>, args: readonly string[], root = ROOT): WaggleProcess =>
    spawnCommand(process.execPath, [join(root, 'examples/demo.js'), ...args], { cwd: folderOf({}), env });
  // With all it said, should it not have ended so.
  const told = async (played: WaggleProcess) => ({ code: (await played.ended).code, said: played.stdout });
  const WITHOUT_BROWSER = { CHROMIUM: '/nowhere' };

  it.skipIf(CHROMIUM === undefined)(
    'plays to its end with a page in Chromium (skipped where none is installed), and ends with 0',
    async () => {
      const played = demo({ CHROMIUM: CHROMIUM ?? '' }, ['--once']);
      expect(await told(played)).toMatchObject({ code: 0 });
      expect(played.stdout).toContain('The scout is a page in headless Chromium: http://127.0.0.1:');
      expect(played.stdout).toMatch(/^ok: /m);
    },
  );

  it('says so where there is no Chromium, and plays to its end with the code of the page in Node', async () => {
    const played = demo(WITHOUT_BROWSER, ['--once']);
    expect(await told(played)).toMatchObject({ code: 0 });
    expect(played.stdout).toMatch(/^No Chromium to be had .* its page is http:\/\/127\.0\.0\.1:\d+\/$/m);
    expect(played.stdout).toMatch(/^ok: /m);
    expect(played.stdout.split('\n').length).toBeLessThan(25);
    // Each one to the one that asked, and the answer after the question.
    const talk = ['tg:42 → desk', 'desk → scout.relay', 'scout.relay → desk', 'desk → workers', 'desk → gate'];
    const whole = [...talk, 'gate → desk', 'desk → tg:42', 'shell → desk', 'desk → shell', 'router → shell'];
    const story = played.stdout.split('\n').map((line) => /^ *(\S+ → \S+) /.exec(line)?.[1]);
    expect(story.filter((line) => line !== undefined && whole.includes(line))).toEqual(whole);
    expect(played.stderr).toBe('');
  });

  it('goes on without a browser that does not start', async () => {
    const played = demo({ CHROMIUM: '/bin/false' }, ['--once']);
    expect(await told(played)).toMatchObject({ code: 0 });
    expect(played.stdout).toContain('/bin/false ended with 1.\nNo Chromium to be had');
  });

  it('stays: the user’s page becomes the scout, a line typed is a question, and Ctrl-C ends it', async () => {
    const played = demo(WITHOUT_BROWSER, []);
    const [, url = ''] = await played.until(({ stdout }) => /^The swarm stays.*open (\S+)/m.exec(stdout));
    expect(await (await fetch(url)).text()).toContain("import { MEADOW, scout } from './scout.js'");
    played.type('Who is there?');
    await played.until(({ stdout }) => stdout.includes('Sorry, somebody is not here.'));

    const page = await RelayClient.join(await (await fetch(new URL('relay-url', url))).text(), 'scout');
    page.onCall = () => ({ success: true, payload: [{ field: 'pond', flowers: 9, metres: 50 }] });
    played.type('Send 7 bees to the best field.');
    await played.until(({ stdout }) => stdout.includes('In the pond, 52 mg a trip. 7 bees are on their way.'));
    played.kill('SIGINT');
    expect(await told(played)).toMatchObject({ code: 0 });
  });

  it('fails where an agent is denied', async () => {
    const folder = folderOf({});
    cpSync(join(ROOT, 'examples'), join(folder, 'examples'), { recursive: true });
    for (const name of ['dist', 'node_modules', 'package.json']) symlinkSync(join(ROOT, name), join(folder, name));
    const realm = join(folder, 'examples/swarm/realms/yamtam-swarm.yaml');
    const denied = readFileSync(realm, 'utf8').replace(/^( {2}worker-2: .*)YAMTAM_AGENT_TOKEN/m, '$1NO_SUCH_TICKET');
    writeFileSync(realm, denied);
    // Not --once: the demo that stays says no less.
    const played = demo(WITHOUT_BROWSER, [], folder);
    expect(await told(played)).toMatchObject({ code: 1 });
    expect(played.stdout).toMatch(/^worker-2: worker-2 cannot join: wamp\.error\.authentication_denied/m);
    expect(played.stdout).not.toContain('The swarm stays');
  });

  it('is a configuration without problems and warnings', async () => {
    const config = join(ROOT, 'examples/swarm/router.yaml');
    const env = { YAMTAM_AGENT_TOKEN: TOKEN, DESK_PUBLIC_KEY: '0'.repeat(64) };
    const checked = waggle(['check', '--strict', '--config', config], { env });
    expect((await checked.ended).code).toBe(0);
    expect(checked.stdout).toBe('good: 1 realm in 2 files\n');
  });
});
