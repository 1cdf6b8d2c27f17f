import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { Commands } from '../../../src/cli/commands.ts';
import { type Io, UsageError } from '../../../src/cli/io.ts';
import { run } from '../../../src/cli/program.ts';

/** Runs the arguments with commands that record what they were asked; `end` is how each of them ends. */
async function ask(argv: string[], end: () => number = () => 0) {
  const calls: unknown[] = [];
  let out = '';
  let err = '';
  const io: Io = {
    stdin: new PassThrough(),
    stdout: { write: (text) => (out += text) },
    stderr: { write: (text) => (err += text) },
    env: {},
  };
  const record = (name: string) => async (options: unknown) => {
    calls.push([name, options === io ? undefined : options]);
    return end();
  };
  const commands: Commands = {
    start: record('start'),
    check: record('check'),
    can: record('can'),
    keysNew: record('keysNew'),
    ticketNew: record('ticketNew'),
    hash: record('hash'),
    log: record('log'),
    call: record('call'),
    publish: record('publish'),
    subscribe: record('subscribe'),
    register: record('register'),
  };
  const code = await run(argv, io, commands);
  return { code, calls, out, err };
}

describe('the command line', () => {
  const config = 'config/router.yaml';
  const can = { who: 'planner', action: 'call', uri: 'a.b', match: 'exact', realm: undefined, config };

  it.each([
    [['start'], ['start', { config }]],
    [
      ['start', '--config', 'my.yaml'],
      ['start', { config: 'my.yaml' }],
    ],
    [['check'], ['check', { config, strict: false }]],
    [
      ['check', '--strict', '--config', 'x'],
      ['check', { config: 'x', strict: true }],
    ],
    [
      ['can', 'planner', 'call', 'a.b'],
      ['can', can],
    ],
    [
      ['can', 'planner', 'call', 'a.b', '--match', 'prefix', '--realm', 'r'],
      ['can', { ...can, match: 'prefix', realm: 'r' }],
    ],
    [
      ['keys', 'new'],
      ['keysNew', { out: undefined }],
    ],
    [
      ['keys', 'new', '--out', 'k'],
      ['keysNew', { out: 'k' }],
    ],
    [
      ['ticket', 'new'],
      ['ticketNew', undefined],
    ],
    [['hash'], ['hash', { kind: 'ticket' }]],
    [
      ['hash', '--cra'],
      ['hash', { kind: 'cra' }],
    ],
    [
      ['hash', '--scram'],
      ['hash', { kind: 'scram' }],
    ],
    [
      ['hash', '--kdf', 'pbkdf2'],
      ['hash', { kind: 'scram', kdf: 'pbkdf2' }],
    ],
    [['log'], ['log', { config, follow: false, json: false }]],
    [
      ['log', '--message', 'm', '--topic', 'tg:*', '--actor', 'a', '--since', '10m', '--follow', '--json'],
      ['log', { config, message: 'm', topic: 'tg:*', actor: 'a', since: '10m', follow: true, json: true }],
    ],
    [
      ['log', '--limit', '5', '--file', 'f', '--config', 'c'],
      ['log', { config: 'c', follow: false, json: false, limit: '5', file: 'f' }],
    ],
    [
      ['call', 'a.b'],
      ['call', { uri: 'a.b', args: [], kwargs: [], options: [], progress: false, json: false }],
    ],
    [
      ['call', 'a.b', '1', 'x', '-k', 'a=1', '-k', 'b=2=3', '--timeout', '1.5s', '-o', 'disclose_me=true', '--json'],
      [
        'call',
        { uri: 'a.b', args: ['1', 'x'], kwargs: ['a=1', 'b=2=3'], timeoutMs: 1500, options: ['disclose_me=true'] },
      ],
    ],
    [
      ['call', 'a.b', '--url', 'u', '--realm', 'r', '--authid', 'a', '--ticket-env', 'T'],
      ['call', { url: 'u', realm: 'r', authid: 'a', ticketEnv: 'T' }],
    ],
    [
      ['publish', 'a.b', '-k', 'a=1', '--', '-1'],
      ['publish', { uri: 'a.b', args: ['-1'], kwargs: ['a=1'], json: false }],
    ],
    [
      ['subscribe', 'a.', '--match', 'prefix', '--count', '3', '--timeout', '250ms'],
      ['subscribe', { uri: 'a.', match: 'prefix', count: 3, timeoutMs: 250 }],
    ],
    [
      ['register', 'a.b', '--answer', 'hello {name}', '--key-file', 'f', '--timeout', '5'],
      ['register', { uri: 'a.b', match: 'exact', answer: 'hello {name}', keyFile: 'f', timeoutMs: 5000 }],
    ],
  ])('%j reaches its command with typed options', async (argv, call) => {
    expect(await ask(argv)).toMatchObject({ code: 0, calls: [call], err: '' });
  });

  it("a command's number is the exit code", async () => {
    expect((await ask(['check'], () => 1)).code).toBe(1);
  });

  it.each([
    [['frobnicate']],
    [[]],
    [['keys']],
    [['check', '--frob']],
    [['check', 'extra']],
    [['can', 'planner', 'fly', 'a.b']],
    [['can', 'planner', 'call', 'a.b', '--match', 'glob']],
    [['can', 'planner']],
    [['hash', '--cra', '--scram']],
    [['hash', '--cra', '--kdf', 'pbkdf2']],
    [['hash', '--kdf', 'md5']],
    [['start', '--config']],
    [['call']],
    [['call', 'a.b', '-k', 'novalue']],
    [['call', 'a.b', '-k', '=1']],
    [['call', 'a.b', '--ticket-env', 'T', '--key-file', 'f']],
    [['call', 'a.b', '--timeout', '0']],
    [['call', 'a.b', '--timeout', 'soon']],
    [['publish', 'a.b', '--timeout', '60d']],
    [['subscribe', 'a.b', '--count', '0']],
    [['subscribe', 'a.b', '--count', 'all']],
    [['register', 'a.b', 'extra']],
    [['register', 'a.b', '--match', 'glob']],
  ])('wrong usage %j: exit 2, a message on stderr, nothing tried', async (argv) => {
    const { code, calls, out, err } = await ask(argv);
    expect({ code, calls, out }).toEqual({ code: 2, calls: [], out: '' });
    expect(err).not.toBe('');
  });

  it.each([
    [['frobnicate'], 'waggle'],
    [['check', '--frob'], 'waggle check'],
    [['can', 'planner', 'fly', 'a.b'], 'waggle can'],
    [['keys', 'new', 'extra'], 'waggle keys new'],
  ])('wrong usage %j is answered with the help of %s', async (argv, command) => {
    expect((await ask(argv)).err.trimEnd().split('\n').at(-1)).toBe(`(try '${command} --help')`);
  });

  it('a UsageError of a command is answered with its help', async () => {
    const { err } = await ask(['can', 'a', 'call', 'b'], () => {
      throw new UsageError('nobody of that name');
    });
    expect(err).toBe("error: nobody of that name\n(try 'waggle can --help')\n");
  });

  it('a UsageError of a command: exit 2 and its message', async () => {
    const { code, err } = await ask(['hash'], () => {
      throw new UsageError('nothing on stdin');
    });
    expect(code).toBe(2);
    expect(err).toContain('nothing on stdin');
  });

  it('anything else thrown is a bug: exit 70, the trace, and where to report it', async () => {
    const { code, err } = await ask(['check'], () => {
      throw new Error('boom');
    });
    expect(code).toBe(70);
    expect(err).toMatch(/Error: boom\n\s+at /);
    expect(err).toContain('open an issue');
  });

  it('--version prints the package version on stdout', async () => {
    const { code, out, err } = await ask(['--version']);
    expect(code).toBe(0);
    expect(out).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(err).toBe('');
  });

  it.each([
    [['--help']],
    [['start', '--help']],
    [['check', '--help']],
    [['can', '--help']],
    [['keys', '--help']],
    [['keys', 'new', '--help']],
    [['ticket', 'new', '--help']],
    [['hash', '--help']],
  ])('%j prints help with an example on stdout, exit 0', async (argv) => {
    const { code, calls, out, err } = await ask(argv);
    expect({ code, calls, err }).toEqual({ code: 0, calls: [], err: '' });
    expect(out).toMatch(/Example:\n {2}\$ waggle /);
  });

  it('the help lists only commands that exist', async () => {
    const { out } = await ask(['--help']);
    for (const name of ['start', 'check', 'can', 'keys', 'ticket', 'hash', 'log']) expect(out).toContain(`\n  ${name}`);
    for (const name of ['top']) expect(out).not.toContain(`\n  ${name}`);
  });
});
