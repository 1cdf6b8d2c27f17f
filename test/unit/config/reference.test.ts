import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { check } from '../../../src/cli/check.ts';
import { renewOptions, schemaFile } from '../../../src/config/reference.ts';
import { realmSchema, routerSchema } from '../../../src/config/schema.ts';
import { withRealm } from './support.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const text = (name: string) => readFileSync(`${root}${name}`, 'utf8');

function run(config: string, strict: boolean, env: NodeJS.ProcessEnv): { code: number; output: string } {
  let output = '';
  const stdout = { write: (part: string) => (output += part) };
  return { code: check({ config, strict }, { stdout, env }), output };
}

describe('what is generated from the schema is not stale (npm run schemas)', () => {
  it.each(['router', 'realm'] as const)('config/%s.schema.json', (kind) => {
    expect(text(`config/${kind}.schema.json`)).toBe(schemaFile(kind));
  });

  it('the options table of docs/configuration.md', () => {
    expect(renewOptions(text('docs/configuration.md'))).toBe(text('docs/configuration.md'));
  });

  it('every option is documented', () => {
    const table = renewOptions(text('docs/configuration.md'))
      .split('\n')
      .filter((line) => line.startsWith('| `'));
    expect(table.length).toBeGreaterThan(80);
    // Those before "## Options" are the tables of the prose.
    for (const line of table.filter((row) => row.split(' | ').length >= 4)) expect(line).not.toMatch(/\| +\|$/);
  });
});

describe('the shipped files', () => {
  it('pass check --strict where the ticket is set', () => {
    expect(run(`${root}config/router.yaml`, true, { YAMTAM_AGENT_TOKEN: 'a ticket' })).toEqual({
      code: 0,
      output: 'good: 1 realm in 2 files\n',
    });
  });

  it('have one warning where it is not', () => {
    const { code, output } = run(`${root}config/router.yaml`, true, {});
    expect(code).toBe(1);
    expect(output).toMatch(
      /^\S+yamtam-swarm\.yaml:\d+:\d+: warning: principals\.planner\.ticket: the environment variable YAMTAM_AGENT_TOKEN is unset/,
    );
    expect(output).toMatch(/\ngood: 1 realm in 2 files, 1 warning\n$/);
  });

  it('config/router.yaml shows every key with its default', () => {
    const shown = parse(text('config/router.yaml')) as Record<string, unknown>;
    const bare = routerSchema.parse({ listeners: [{ tcp: '127.0.0.1:1', endpoints: [] }] });
    for (const key of ['limits', 'shutdown', 'log', 'realms'] as const) expect(shown[key]).toEqual(bare[key]);
    for (const key of Object.keys(routerSchema.shape))
      expect(text('config/router.yaml')).toMatch(new RegExp(`^(# )?${key}:`, 'm'));
  });

  it('the realm file of the example in the schema’s words is read', () => {
    expect(realmSchema.safeParse(parse(text('realms/yamtam-swarm.yaml'))).success).toBe(true);
  });
});

describe('waggle check', () => {
  it('exits 1 with every problem, and 0 or 1 with warnings as strict says', () => {
    const bad = withRealm('realm: swarm\nenvironmemt: dev\nroles: 5\n');
    const { code, output } = run(bad.router, false, {});
    expect(code).toBe(1);
    expect(output.split('\n')).toEqual([
      expect.stringMatching(/swarm\.yaml:2:1: environmemt: is an unknown key, expected environment or another of/),
      expect.stringMatching(/swarm\.yaml:3:8: roles: is 5, expected a map: role → list of rules/),
      '',
    ]);
    const unwise = withRealm('realm: swarm\n');
    expect(run(unwise.router, false, {}).code).toBe(0);
    expect(run(unwise.router, true, {}).code).toBe(1);
  });
});
