import { randomBytes } from 'node:crypto';
import { loadConfig } from '../config/load.ts';
import { formatProblem } from '../config/problem.ts';
import type { Config } from '../config/types.ts';
import { watchConfig } from '../config/watch.ts';
import { createLog, type Log } from '../observe/log.ts';
import { Server } from '../server/server.ts';
import { startProblems } from '../server/start-problems.ts';
import type { StartOptions } from './commands.ts';
import { ExitCode, type Io } from './io.ts';
import { TOKEN, wantsTicket } from './made-ticket.ts';
import { version } from './version.ts';

const TOKEN_BYTES = 18;

type Env = Readonly<Record<string, string | undefined>>;

/**
 * Runs the router until SIGTERM or SIGINT (CONTRACT §1).
 * @returns 0 after a graceful stop; 1 where the config has problems or an address is taken, and then nothing listens
 */
export async function start(options: StartOptions, io: Io): Promise<number> {
  const began = performance.now();
  const loaded = loadWithTicket(options.config, io);
  if (loaded === undefined) return ExitCode.refused;
  const { config, env, ticket } = loaded;
  const log = createLog(config.router.log.level, io.stderr);
  for (const warning of config.warnings) log.warn(formatProblem(warning));
  // From here on, so that whoever stops the router in the moment it says it is ready is heard as well.
  const stopped = stopSignal();
  const server = new Server({ config, env, log, agent: `waggle-router/${version()}` });
  try {
    await server.start();
  } catch (error) {
    io.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    return ExitCode.refused;
  }
  for (const { url, protocol } of server.endpoints()) io.stdout.write(`listening ${url} ${protocol}\n`);
  const unbuilt = server.unbuilt();
  if (unbuilt.length > 0) io.stdout.write(`not built yet: ${unbuilt.join(', ')}\n`);
  if (ticket !== undefined) sayTicket(io, config, ticket);
  io.stdout.write(`ready in ${Math.round(performance.now() - began)} ms\n`);
  const watch = watchWith(server, options.config, env, log);
  const signal = await stopped;
  log.info(`${signal}: stopping`);
  watch.close();
  await server.stop();
  return ExitCode.good;
}

interface Loaded {
  readonly config: Config;
  readonly env: Env;
  /** Made for this run; undefined: none was needed. */
  readonly ticket: string | undefined;
}

/** Loads the configuration, with a ticket made for this run where that is safe. Prints every problem. */
function loadWithTicket(file: string, io: Io): Loaded | undefined {
  let env: Env = io.env;
  let result = loadConfig(file, env);
  let ticket: string | undefined;
  if (result.ok && wantsTicket(result.config)) {
    ticket = randomBytes(TOKEN_BYTES).toString('base64url');
    env = { ...env, [TOKEN]: ticket };
    result = loadConfig(file, env);
  }
  const problems = result.ok ? startProblems(result.config) : result.problems.map(formatProblem);
  if (result.ok && problems.length === 0) return { config: result.config, env, ticket };
  for (const problem of problems) io.stderr.write(`${problem}\n`);
  return undefined;
}

function sayTicket(io: Io, config: Config, ticket: string): void {
  const usesToken = (spec: object): boolean => 'env' in spec && spec.env === TOKEN;
  const authid = [...config.realms.values()]
    .flatMap((realm) => [...realm.principals.values()])
    .find((principal) => principal.ticket.some(usesToken))?.authid;
  io.stdout.write(`${TOKEN} is not set, so a ticket was made for this run. In another terminal, to be an agent:\n`);
  io.stdout.write(`  export YAMTAM_AGENT_ID=${authid ?? 'planner'}\n`);
  io.stdout.write(`  export ${TOKEN}=${ticket}\n`);
  io.stdout.write(`Export ${TOKEN} here too before the next start, and it stays the same.\n`);
}

/** Saved changes are put in force while the router runs; a broken one is said and changes nothing (CONTRACT §4). */
function watchWith(server: Server, file: string, env: Env, log: Log): { close(): void } {
  const rejected = (problems: readonly string[]): void => {
    server.metrics.reload('rejected');
    for (const problem of problems) log.error(problem);
    log.error('the configuration has problems; the one in force stays');
  };
  return watchConfig(file, {
    env,
    current: server.config,
    onChange({ config, changes }) {
      const refused = startProblems(config);
      if (refused.length > 0) {
        rejected(refused);
        return;
      }
      const known = new Set(server.config.warnings.map(({ message, path, file }) => `${file} ${path} ${message}`));
      server.reload(config);
      for (const warning of config.warnings) {
        const { message, path, file } = warning;
        if (!known.has(`${file} ${path} ${message}`)) log.warn(formatProblem(warning));
      }
      for (const change of changes) {
        const what = change.kind === 'router' ? change.path : `realm ${change.realm} ${change.action}`;
        if (change.reloadable) log.info(`reloaded: ${what}`);
        else log.warn(`${what}: restart needed`);
      }
    },
    onProblems: (problems) => rejected(problems.map(formatProblem)),
    onRepaired: () => log.info('the configuration is good again; nothing changed'),
  });
}

/** Resolves with the first signal to stop; a second one ends the process at once, as people expect of Ctrl-C. */
function stopSignal(): Promise<NodeJS.Signals> {
  return new Promise((resolve) => {
    let stopping = false;
    const stop = (signal: NodeJS.Signals): void => {
      if (stopping) process.exit(signal === 'SIGINT' ? 130 : 143);
      stopping = true;
      resolve(signal);
    };
    process.on('SIGTERM', stop);
    process.on('SIGINT', stop);
  });
}
