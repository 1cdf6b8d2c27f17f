import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { connectOptions, dictOf, lineOf, parsed } from '../../../src/cli/client.ts';
import { UsageError } from '../../../src/cli/io.ts';
import { templateOf } from '../../../src/cli/template.ts';
import { harmlessOn } from '../../../src/cli/terminal.ts';
import { folderOf } from '../../support/waggle-process.ts';

const NOTHING = {
  url: undefined,
  realm: undefined,
  authid: undefined,
  ticketEnv: undefined,
  keyFile: undefined,
  options: [],
  timeoutMs: undefined,
};

describe('an argument', () => {
  it.each([
    ['7', 7],
    ['-7.5', -7.5],
    ['true', true],
    ['null', null],
    ['{"a":[1]}', { a: [1] }],
    ['"7"', '7'],
    ['swarm', 'swarm'],
    ['hello world', 'hello world'],
    ['', ''],
    ['{not json', '{not json'],
    ['007', '007'],
    // A number would lose digits.
    ['12345678901234567890', '12345678901234567890'],
    ['9007199254740991', 9007199254740991],
  ])('%j is %j: JSON where it is JSON, else text', (text, value) => {
    expect(parsed(text)).toEqual(value);
  });

  it('key=value keeps what comes after the first =, and no key is given twice', () => {
    expect(dictOf(['a=1', 'b=x=y', 'c='], '-k')).toEqual({ a: 1, b: 'x=y', c: '' });
    expect(() => dictOf(['a=1', 'a=2'], '-k')).toThrow(new UsageError('-k a is given twice'));
    expect(Object.getPrototypeOf(dictOf(['__proto__=1'], '-k'))).toBe(Object.prototype);
  });

  it('a value is printed on a line of its own, text as it is', () => {
    expect(lineOf('a b')).toBe('a b\n');
    expect(lineOf({ a: [1, null] })).toBe('{"a":[1,null]}\n');
  });
});

describe('who joins where', () => {
  it('is said by the options, else by the environment, else it is the shipped router', () => {
    expect(connectOptions(NOTHING, {}, false)).toMatchObject({
      url: 'ws://127.0.0.1:8080/ws',
      realm: 'yamtam-swarm',
      authid: undefined,
      reconnect: false,
    });
    const env = {
      WAGGLE_URL: 'ws://a/ws',
      WAGGLE_REALM: 'r',
      YAMTAM_AGENT_ID: 'planner',
      YAMTAM_AGENT_TOKEN: 't',
    };
    const byEnvironment = { url: 'ws://a/ws', realm: 'r', authid: 'planner', ticket: 't' };
    expect(connectOptions(NOTHING, env, true)).toMatchObject({ ...byEnvironment, reconnect: true });
    const said = { ...NOTHING, url: 'ws://b/ws', realm: 's', authid: 'monitor', ticketEnv: 'OTHER' };
    expect(connectOptions(said, { ...env, OTHER: 'o' }, true)).toMatchObject({
      url: 'ws://b/ws',
      realm: 's',
      authid: 'monitor',
      ticket: 'o',
    });
  });

  it('a key file is the proof, whatever tickets there are', () => {
    const file = join(folderOf({ 'a.key': `${'ab'.repeat(32)}\n` }), 'a.key');
    const options = connectOptions({ ...NOTHING, keyFile: file }, { YAMTAM_AGENT_TOKEN: 't' }, false);
    expect(options).toMatchObject({ privateKey: `${'ab'.repeat(32)}\n` });
    expect(options).not.toHaveProperty('ticket');
  });

  it.each([
    ['a variable that is not set', { ticketEnv: 'NONE' }, {}, /--ticket-env NONE: that variable is not set/],
    ['a ticket without a name', {}, { YAMTAM_AGENT_TOKEN: 't' }, /give --authid or set YAMTAM_AGENT_ID/],
    ['a file that is not there', { keyFile: '/nowhere/a.key' }, {}, /--key-file \/nowhere\/a.key: ENOENT/],
  ])('%s is wrong usage', (_what, options, env, words) => {
    expect(() => connectOptions({ ...NOTHING, ...options }, env, false)).toThrow(words);
    expect(() => connectOptions({ ...NOTHING, ...options }, env, false)).toThrow(UsageError);
  });
});

describe('what a peer says', () => {
  const outputs = (isTTY: boolean) => {
    const said: string[] = [];
    const output = { isTTY, write: (text: string) => said.push(text) };
    return { said, io: harmlessOn({ stdout: output, stderr: output }) };
  };

  it('cannot steer a terminal', () => {
    const { said, io } = outputs(true);
    io.stdout.write('a\u001b[2Jb\u009bc\u202ed\nnext\n');
    expect(said).toEqual(['a\\u{1b}[2Jb\\u{9b}c\\u{202e}d\nnext\n']);
  });

  it('is passed on through a pipe as it came', () => {
    const { said, io } = outputs(false);
    io.stderr.write('a\u001b[2J');
    expect(said).toEqual(['a\u001b[2J']);
  });
});

describe('a template', () => {
  it.each([
    ['hello {name}', [], { name: 'swarm' }, 'hello swarm'],
    ['{0} and {1}', [1, { a: 2 }], {}, '1 and {"a":2}'],
    ['{0}', [{ a: 2 }], {}, { a: 2 }],
    ['{"sum": "{0}", "of": ["{a}"]}', [3], { a: null }, { sum: 3, of: [null] }],
    ['{{0}} is {0}', [7], {}, '{0} is 7'],
    ['42', [], {}, 42],
  ])('%j with %j %j answers %j', (text, args, kwargs, answer) => {
    expect(templateOf(text)(args, kwargs)).toEqual(answer);
  });

  it('an argument that it names and that did not come is told to the caller', () => {
    expect(() => templateOf('hello {name}')([], {})).toThrow('wamp.error.invalid_argument: argument name is missing');
    expect(() => templateOf('{1}')([1], {})).toThrow('argument 1 is missing');
    expect(() => templateOf('{constructor}')([], {})).toThrow('argument constructor is missing');
  });
});
