import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { adapterFor } from '../../../src/adapters/registry.ts';
import { check } from '../../../src/cli/check.ts';
import { renewOptions, schemaFile } from '../../../src/config/reference.ts';
import { realmSchema, routerSchema } from '../../../src/config/schema.ts';
import { files, REALM, ROUTER, withRealm, withRouter } from './support.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const text = (name: string) => readFileSync(`${root}${name}`, 'utf8');

interface Described {
  readonly description?: string;
}

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

describe('what is accepted and not built', () => {
  const table = text('docs/configuration.md');
  const meaning = (key: string): string =>
    table
      .split('\n')
      .find((line) => line.startsWith(`| \`${key}\` |`))
      ?.split(' | ')
      .at(-1) ?? '';

  it('is marked in the table, with all that stands below it', () => {
    for (const key of ['cluster', 'cluster.nats']) {
      expect(meaning(key)).toMatch(/\(not built yet\) \|$/);
    }
    for (const key of ['listeners', 'limits.maxSessions', 'roles.*[].allow', 'roles.*[].signature', 'bub.roles']) {
      expect(meaning(key)).not.toContain('yet');
    }
  });

  it('is marked for editors too', () => {
    const schema = JSON.parse(text('config/router.schema.json')) as { properties: Record<string, Described> };
    expect(schema.properties.cluster?.description).toMatch(/\(not built yet\)$/);
  });

  it('names the protocols without an adapter, and no others', () => {
    const protocols = ['wamp', 'longpoll', 'bub-v2', 'bub-v1', 'relay', 'http', 'mcp'];
    const missing = protocols.filter((name) => adapterFor(name) === undefined);
    expect(meaning('listeners[].endpoints[].protocol')).toContain(`(not built yet: ${missing.join(', ')})`);
    const marked = text('config/router.yaml').matchAll(/protocol: (\S+?)(?:,| ).*\(not built yet\)/g);
    expect([...marked].map(([, name]) => name)).toEqual(missing);
  });
});

describe('the shipped files', () => {
  it('pass check --strict where the ticket is set', () => {
    expect(run(`${root}config/router.yaml`, true, { YAMTAM_AGENT_TOKEN: 'a ticket' })).toEqual({
      code: 0,
      output: expect.stringMatching(/^(not built yet: .+\n)?good: 1 realm in 2 files\n$/),
    });
  });

  it('have one warning where it is not', () => {
    const { code, output } = run(`${root}config/router.yaml`, true, {});
    expect(code).toBe(1);
    expect(output).toMatch(
      /^\S+yamtam-swarm\.yaml:\d+:\d+: warning: principals\.planner\.ticket: YAMTAM_AGENT_TOKEN is not set, so planner, worker-1, worker-2 and 4 more cannot join with it\n/,
    );
    expect(output).toContain('`waggle start` makes a ticket for YAMTAM_AGENT_TOKEN on loopback, for one run\n');
    expect(output).toMatch(/\nnot good \(--strict\): 1 warning\n$/);
    expect(run(`${root}config/router.yaml`, false, {})).toEqual({
      code: 0,
      output: expect.stringMatching(/\ngood: 1 realm in 2 files, 1 warning\n$/),
    });
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

  it('where warnings count, does not say good', () => {
    const { output } = run(withRealm('realm: swarm\n').router, true, {});
    expect(output).toMatch(/\nnot good \(--strict\): 1 warning\n$/);
    expect(output).not.toMatch(/^good/m);
  });

  it('names endpoints that are not built, which is no warning: they answer 404', () => {
    const unbuilt = ROUTER.replace('protocol: wamp }', 'protocol: wamp }, { path: /mcp, protocol: mcp }');
    expect(run(withRouter(unbuilt).router, true, {})).toEqual({
      code: 0,
      output: 'not built yet: mcp\ngood: 1 realm in 2 files\n',
    });
  });

  it('what is asked for and not in force is a warning with its place and what happens instead', () => {
    const set = files({
      'config/router.yaml': `${ROUTER}cluster: { nats: "nats://127.0.0.1:4222", node: a }\n`,
      'realms/swarm.yaml': `${REALM}dynamic: { authenticator: b.c }\n`,
    });
    expect(run(set.router, false, {}).code).toBe(0);
    const { code, output } = run(set.router, true, {});
    expect(code).toBe(1);
    expect(output.split('\n')).toEqual([
      expect.stringMatching(/swarm\.yaml:8:27: warning: dynamic.authenticator: is b.c, which nobody may register/),
      expect.stringMatching(/router\.yaml: warning: cluster: is not built yet: this is a single node$/),
      'not built yet: cluster',
      'not good (--strict): 2 warnings',
      '',
    ]);
  });
});
