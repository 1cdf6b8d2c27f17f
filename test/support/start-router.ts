import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ActivitySink } from '../../src/adapters/activity.ts';
import { loadConfig } from '../../src/config/load.ts';
import { formatProblem } from '../../src/config/problem.ts';
import type { Config } from '../../src/config/types.ts';
import { createLog } from '../../src/observe/log.ts';
import type { Clock } from '../../src/router/clock.ts';
import type { Cluster } from '../../src/router/cluster.ts';
import { Server } from '../../src/server/server.ts';

export interface RouterOptions {
  /** YAML of realm files by file name without ending; absent: {@link OPEN_REALM} as `realm1`. */
  readonly realms?: Readonly<Record<string, string>>;
  /** YAML lines beside `realms:` and `listeners:`, e.g. `limits: { maxMessageBytes: 1024 }`. */
  readonly extra?: string;
  /** YAML of the listeners; absent: one on a free port with `/ws`, and an admin listener. */
  readonly listeners?: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Further files beside router.yaml, e.g. certificates. */
  readonly files?: Readonly<Record<string, string>>;
  readonly clock?: Clock;
  readonly cluster?: Cluster;
  readonly activity?: ActivitySink;
}

export interface RunningRouter {
  readonly server: Server;
  /** ws URL of the first endpoint. */
  readonly url: string;
  readonly port: number;
  /** http URL of the admin listener, without a path. */
  readonly admin: string;
  /** Folder with router.yaml and realms/. */
  readonly folder: string;
  /** Everything logged so far, as JSON lines. */
  log(): string;
  /** Loads the files of `folder` again and puts them in force. @throws Error with the problems */
  reload(): void;
  writeRealm(name: string, yaml: string): void;
  stop(): Promise<void>;
}

/** Everybody may do everything; for tests that are not about permissions. */
export const OPEN_REALM = `
realm: realm1
environment: test
anonymous: { role: anybody }
roles:
  anybody:
    - { uri: "", match: prefix, allow: [call, register, publish, subscribe] }
`;

const LISTENERS = `
listeners:
  - tcp: 127.0.0.1:0
    endpoints: [{ path: /ws, protocol: wamp }]
admin: { tcp: 127.0.0.1:0 }
`;

/** A whole router in this process on free ports of loopback, from real configuration files in a folder of its own. */
export async function startRouter(options: RouterOptions = {}): Promise<RunningRouter> {
  const folder = mkdtempSync(join(tmpdir(), 'waggle-test-'));
  const file = join(folder, 'router.yaml');
  mkdirSync(join(folder, 'realms'));
  const writeRealm = (name: string, yaml: string): void => writeFileSync(join(folder, 'realms', `${name}.yaml`), yaml);
  for (const [name, yaml] of Object.entries(options.realms ?? { realm1: OPEN_REALM })) writeRealm(name, yaml);
  for (const [name, text] of Object.entries(options.files ?? {}))
    writeFileSync(join(folder, name), text, { mode: 0o600 });
  const { extra = '', listeners = LISTENERS } = options;
  // A test that ends with a call in flight is not to wait for it, unless it is about that.
  const shutdown = /^shutdown:/m.test(extra) ? '' : 'shutdown: { drainMs: 0 }';
  writeFileSync(file, `realms: realms\n${listeners}\n${extra}\n${shutdown}\n`);
  const env = { ...options.env };
  const load = (): Config => {
    const result = loadConfig(file, env);
    if (result.ok) return result.config;
    throw new Error(result.problems.map(formatProblem).join('\n'));
  };
  const lines: string[] = [];
  const sink = { write: (line: string) => lines.push(line) };
  const config = load();
  const server = new Server({
    config,
    env,
    log: createLog(config.router.log.level, sink),
    agent: 'waggle-test',
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.cluster === undefined ? {} : { cluster: options.cluster }),
    ...(options.activity === undefined ? {} : { activity: options.activity }),
  });
  await server.start();
  const endpoints = server.endpoints();
  const url = endpoints[0]?.url ?? '';
  return {
    server,
    url,
    port: Number(/:(\d+)(?:\/|$)/.exec(url)?.[1] ?? 0),
    admin: (endpoints.find(({ protocol }) => protocol === 'admin')?.url ?? '').replace(/\/$/, ''),
    folder,
    log: () => lines.join(''),
    reload: () => server.reload(load()),
    writeRealm,
    async stop() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
