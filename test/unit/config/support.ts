import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { type LoadResult, loadConfig } from '../../../src/config/load.ts';
import { formatProblem } from '../../../src/config/problem.ts';
import type { Config } from '../../../src/config/types.ts';

export const ROUTER = `listeners:
  - tcp: 127.0.0.1:8080
    endpoints: [{ path: /ws, protocol: wamp }]
`;

export const REALM = `realm: swarm
environment: dev
principals:
  planner: { role: agent, cryptosign: 545efb0a2192db8d43f118e9bf9aee081466e1ef36c708b96ee6f62dddad9122 }
roles:
  agent:
    - { uri: yamtam.task., match: prefix, allow: [publish, subscribe] }
`;

export interface Files {
  readonly folder: string;
  readonly router: string;
  path(name: string): string;
  write(name: string, text: string): string;
  load(env?: NodeJS.ProcessEnv): LoadResult;
}

/** A folder that ends with the test; names are relative to it. */
export function files(texts: Readonly<Record<string, string>>): Files {
  const folder = mkdtempSync(join(tmpdir(), 'waggle-config-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const path = (name: string) => join(folder, name);
  const write = (name: string, text: string) => {
    mkdirSync(dirname(path(name)), { recursive: true });
    writeFileSync(path(name), text);
    return path(name);
  };
  mkdirSync(path('realms'), { recursive: true });
  for (const [name, text] of Object.entries(texts)) write(name, text);
  const router = path('config/router.yaml');
  return { folder, router, path, write, load: (env = {}) => loadConfig(router, env, { cwd: folder }) };
}

/** A good pair of files with one of them replaced. */
export function withRealm(realm: string): Files {
  return files({ 'config/router.yaml': ROUTER, 'realms/swarm.yaml': realm });
}

export function withRouter(router: string): Files {
  return files({ 'config/router.yaml': router, 'realms/swarm.yaml': REALM });
}

/** @throws Error with the problems where there are any */
export function good(result: LoadResult): Config {
  if (result.ok) return result.config;
  throw new Error(result.problems.map(formatProblem).join('\n'));
}

/** Problems as `waggle check` prints them. */
export function problems(result: LoadResult): string[] {
  return result.ok ? [] : result.problems.map(formatProblem);
}

export function warnings(result: LoadResult): string[] {
  return (result.ok ? result.config.warnings : result.warnings).map(formatProblem);
}
