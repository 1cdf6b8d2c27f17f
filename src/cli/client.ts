import { readFileSync } from 'node:fs';
import type { Agent } from '../agent/agent.ts';
import { joinFirst, newAgent } from '../agent/connect-agent.ts';
import { AgentError } from '../agent/errors.ts';
import type { ConnectOptions } from '../agent/options.ts';
import type { Dict } from '../wamp/payload.ts';
import type { ClientOptions } from './commands.ts';
import { ExitCode, type Io, UsageError } from './io.ts';
import { TOKEN } from './made-ticket.ts';
import { harmlessOn } from './terminal.ts';

export type ClientIo = Pick<Io, 'stdout' | 'stderr' | 'env'>;

const AUTHID = 'YAMTAM_AGENT_ID';
const URL_DEFAULT = 'ws://127.0.0.1:8080/ws';
const REALM_DEFAULT = 'yamtam-swarm';
/** How long joining may take at least, ms: --timeout is about what comes after. */
const JOIN_MS = 10_000;

/**
 * Joins as the options and the environment say, does the work, and leaves. What the router or a peer refuses is said on
 * stderr.
 *
 * @param work is given outputs on which no peer can steer a terminal
 * @param stays comes back after restarts of the router; otherwise one attempt is made and the first end is the last
 * @returns what the work returned; 1 where the router or a peer said no, or there is none
 * @throws UsageError where the options cannot be understood
 */
export async function asClient(
  options: ClientOptions & { readonly json?: boolean },
  { stdout, stderr, env }: ClientIo,
  stays: boolean,
  work: (agent: Agent, io: ClientIo) => Promise<number>,
): Promise<number> {
  const io = harmlessOn({ stdout, stderr, env });
  const connect = connectOptions(options, env, stays);
  const agent = made(connect);
  tell(agent, io, connect.url);
  try {
    await joinFirst(agent, connect);
    return await work(agent, io);
  } catch (error) {
    if (!(error instanceof AgentError)) throw error;
    io.stderr.write(`${errorText(error, options.json === true)}\n`);
    return ExitCode.refused;
  } finally {
    await agent.close();
  }
}

/** @throws UsageError where the URL or the key is none */
function made(connect: ConnectOptions): Agent {
  try {
    return newAgent(connect);
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

/** What the options say, with the environment for what they leave out. @throws UsageError */
export function connectOptions(options: ClientOptions, env: ClientIo['env'], stays: boolean): ConnectOptions {
  const authid = options.authid ?? (env[AUTHID] || undefined);
  return {
    url: options.url ?? (env.WAGGLE_URL || URL_DEFAULT),
    realm: options.realm ?? (env.WAGGLE_REALM || REALM_DEFAULT),
    authid,
    reconnect: stays,
    joinTimeoutMs: joinTimeout(options.timeoutMs, stays),
    ...proof(options, env, authid),
  };
}

/** Those who stay wait for a router to come, however long, unless their time is limited; others make one attempt. */
function joinTimeout(timeoutMs: number | undefined, stays: boolean): number {
  if (stays && timeoutMs === undefined) return 0;
  return Math.max(JOIN_MS, timeoutMs ?? 0);
}

function proof(
  { ticketEnv, keyFile }: ClientOptions,
  env: ClientIo['env'],
  authid: string | undefined,
): Pick<ConnectOptions, 'ticket' | 'privateKey'> {
  if (keyFile !== undefined) return { privateKey: readKey(keyFile) };
  const name = ticketEnv ?? TOKEN;
  const ticket = env[name];
  if (ticket === undefined || ticket === '') {
    if (ticketEnv === undefined) return {};
    throw new UsageError(`--ticket-env ${name}: that variable is not set`);
  }
  if (authid === undefined) throw new UsageError(`a ticket needs a name: give --authid or set ${AUTHID}`);
  return { ticket };
}

function readKey(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(`--key-file ${file}: ${(error as NodeJS.ErrnoException).code ?? String(error)}`);
  }
}

/** Those who stay are told once when the router is gone and once when it is back. */
function tell(agent: Agent, io: ClientIo, url: string): void {
  let away = false;
  agent.on('lost', ({ why }) => {
    if (!away) io.stderr.write(`no router at ${url} (${why}): asking until it is there\n`);
    away = true;
  });
  agent.on('joined', ({ again }) => {
    if (again) io.stderr.write('joined again; what was published meanwhile was not heard\n');
    away = false;
  });
  agent.on('problem', ({ error, where }) => {
    io.stderr.write(`${where}: ${error instanceof Error ? error.message : String(error)}\n`);
  });
}

function errorText(error: AgentError, json: boolean): string {
  if (!json) return error.message;
  return JSON.stringify({ error: error.uri, message: error.message, args: error.args, kwargs: error.kwargs });
}

/** An argument as it is meant: JSON where it is JSON, else text. An integer that would lose digits stays text. */
export function parsed(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    return Number.isInteger(value) && !Number.isSafeInteger(value) ? text : value;
  } catch {
    return text;
  }
}

/** `key=value` pairs. @throws UsageError where a key is given twice */
export function dictOf(pairs: readonly string[], flag: string): Dict {
  const entries = pairs.map((pair): [string, unknown] => {
    const at = pair.indexOf('=');
    return [pair.slice(0, at), parsed(pair.slice(at + 1))];
  });
  const keys = entries.map(([key]) => key);
  const twice = keys.find((key, at) => keys.indexOf(key) !== at);
  if (twice !== undefined) throw new UsageError(`${flag} ${twice} is given twice`);
  return Object.fromEntries(entries);
}

/** A value on a line of its own: text as it is, anything else as JSON. */
export function lineOf(value: unknown): string {
  return `${typeof value === 'string' ? value : JSON.stringify(value)}\n`;
}

/** A signal of the terminal or of a service manager asks to stop, the time is over, or `enough` was called. */
export interface Stop {
  /** Resolves with why. */
  readonly asked: Promise<'signal' | 'time' | 'enough'>;
  enough(): void;
}

/** @param timeoutMs undefined: no time limit */
export function stopOf(timeoutMs: number | undefined): Stop {
  let enough = (): void => {};
  const asked = new Promise<'signal' | 'time' | 'enough'>((resolve) => {
    const onSignal = (): void => end('signal');
    const timer = timeoutMs === undefined ? undefined : setTimeout(() => end('time'), timeoutMs);
    const end = (why: 'signal' | 'time' | 'enough'): void => {
      clearTimeout(timer);
      process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
      resolve(why);
    };
    process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
    enough = () => end('enough');
  });
  return { asked, enough: () => enough() };
}

/**
 * Waits until it is time to stop, or what it is about has ended.
 * @returns 0; 1 where the time was over before there were as many as wanted
 * @throws AgentError where the router ended it
 */
export async function until(
  stop: Stop,
  ended: Promise<AgentError | undefined>,
  counted: () => string | undefined,
  io: ClientIo,
): Promise<number> {
  const why = await Promise.race([stop.asked, ended]);
  stop.enough();
  if (why instanceof AgentError) throw why;
  const missing = why === 'time' ? counted() : undefined;
  if (missing === undefined) return ExitCode.good;
  io.stderr.write(`${missing}\n`);
  return ExitCode.refused;
}
