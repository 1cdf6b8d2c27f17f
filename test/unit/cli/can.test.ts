import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { can } from '../../../src/cli/can.ts';
import type { CanOptions } from '../../../src/cli/commands.ts';
import { UsageError } from '../../../src/cli/io.ts';

const REALM = `realm: swarm
principals:
  planner:
    role: agent
    cryptosign: ["545efb0a2192db8d43f118e9bf9aee081466e1ef36c708b96ee6f62dddad9122"]
roles:
  agent:
    - { uri: task., match: prefix, allow: [publish, subscribe], disclose: [publisher] }
    - { uri: "agent.{authid}.status", allow: [publish] }
    - { uri: task.secret., match: prefix, deny: [subscribe] }
    - { uri: "", match: prefix, allow: [register] }
`;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'waggle-can-'));
  mkdirSync(join(folder, 'realms'));
  writeFileSync(
    join(folder, 'router.yaml'),
    'realms: realms\nlisteners:\n  - { tcp: "127.0.0.1:0", endpoints: [{ path: /ws, protocol: wamp }] }\n',
  );
  writeFileSync(join(folder, 'realms', 'swarm.yaml'), REALM);
});

afterEach(() => rmSync(folder, { recursive: true }));

async function ask(question: Partial<CanOptions>) {
  const text = { out: '', err: '' };
  const options: CanOptions = {
    who: 'planner',
    action: 'subscribe',
    uri: 'task.new',
    match: 'exact',
    realm: undefined,
    config: join(folder, 'router.yaml'),
    ...question,
  };
  const code = await can(options, {
    stdout: { write: (more) => (text.out += more) },
    stderr: { write: (more) => (text.err += more) },
    env: {},
  });
  return { code, ...text };
}

describe('waggle can', () => {
  it('says what is allowed, to whom, and the file and line of the rule that allows it; exit 0', async () => {
    const { code, out } = await ask({});
    expect(code).toBe(0);
    expect(out).toContain('planner (role agent) may subscribe to "task.new" in realm swarm');
    expect(out).toMatch(/swarm\.yaml:8: "task\." \(prefix\) allows it/);
  });

  it('says what is denied, and which rule denies it; exit 1', async () => {
    const { code, out } = await ask({ uri: 'task.', match: 'prefix' });
    expect(code).toBe(1);
    expect(out).toContain('planner (role agent) may not subscribe to "task." (prefix)');
    expect(out).toMatch(/swarm\.yaml:10: "task\.secret\." \(prefix\) denies it/);
  });

  it('says so where no rule allows it; exit 1', async () => {
    const { code, out } = await ask({ action: 'call', uri: 'other' });
    expect(code).toBe(1);
    expect(out).toMatch(/swarm\.yaml:11: "" \(prefix\) speaks of other actions\n {2}no rule allows it/);
  });

  it('says where a signature is asked for; who has no key to sign with may not', async () => {
    const signed = `${REALM}    - { uri: task.signed, allow: [publish], signature: required }\n`;
    writeFileSync(join(folder, 'realms', 'swarm.yaml'), signed);
    expect(await ask({ action: 'publish', uri: 'task.signed' })).toMatchObject({
      code: 0,
      out: expect.stringMatching(/swarm\.yaml:12: "task\.signed" asks for a signature by a key of the principal\n/),
    });
    expect(await ask({ who: 'agent', action: 'publish', uri: 'task.signed' })).toMatchObject({ code: 0 });
    // It is no reason where it decides nothing.
    for (const action of ['subscribe', 'call'] as const) {
      expect((await ask({ action, uri: 'task.signed' })).out).not.toContain('asks for a signature');
    }
    const keyless = signed.replace(/cryptosign: .*/, 'ticket: { env: TOKEN }');
    writeFileSync(join(folder, 'realms', 'swarm.yaml'), keyless);
    expect(await ask({ action: 'publish', uri: 'task.signed' })).toMatchObject({
      code: 1,
      out: expect.stringMatching(
        /may not .*[\s\S]*asks for a signature [\s\S]*planner has no cryptosign key, so it can sign nothing\n/,
      ),
    });
  });

  it('says where a rule allows only a part of a pattern', async () => {
    const { code, out } = await ask({ uri: 'ta', match: 'prefix', action: 'publish' });
    expect(code).toBe(1);
    expect(out).toContain('on a part only');
  });

  it('a principal is asked with its authid, a role without one, and that is said', async () => {
    const question = { action: 'publish', uri: 'agent.planner.status' } as const;
    expect(await ask(question)).toMatchObject({ code: 0 });
    const { code, out } = await ask({ ...question, who: 'agent' });
    expect(code).toBe(1);
    expect(out).toContain('rules with {authid} were left out');
  });

  it('tells that the publisher is named', async () => {
    expect((await ask({ action: 'publish' })).out).toContain('the publisher is named to the receivers');
  });

  it('PITFALLS 30: nobody registers below wamp., whatever rules say', async () => {
    const { code, out } = await ask({ action: 'register', uri: 'wamp.session.count' });
    expect(code).toBe(1);
    expect(out).toContain('wamp. is the router’s own');
    expect(await ask({ action: 'register', uri: 'wampx.a' })).toMatchObject({ code: 0 });
  });

  it.each<[string, Partial<CanOptions>, string]>([
    ['neither a principal nor a role', { who: 'nobody' }, 'nobody'],
    ['no such realm', { realm: 'mars' }, 'mars'],
    ['no URI', { uri: 'a..b' }, 'a..b'],
  ])('%s is wrong usage', async (_, question, named) => {
    await expect(ask(question)).rejects.toThrow(UsageError);
    await expect(ask(question)).rejects.toThrow(named);
  });

  it('asks for the realm where there are several', async () => {
    writeFileSync(join(folder, 'realms', 'other.yaml'), 'realm: other\nroles: { agent: [] }\n');
    await expect(ask({})).rejects.toThrow('--realm');
    expect(await ask({ realm: 'swarm' })).toMatchObject({ code: 0 });
    expect(await ask({ realm: 'other', who: 'agent' })).toMatchObject({
      code: 1,
      out: expect.stringContaining('no rule allows it, so it is denied'),
    });
  });

  it('prints every problem of the config, and exits 1', async () => {
    writeFileSync(join(folder, 'realms', 'swarm.yaml'), 'realm: swarm\nrolls: {}\n');
    const { code, out, err } = await ask({});
    expect([code, out]).toEqual([1, '']);
    expect(err).toMatch(/swarm\.yaml:2:1: rolls: /);
  });
});
