import { CloseUri, ErrorUri } from '../wamp/errors.ts';
import { Agent } from './agent.ts';
import { type AgentError, ClosedError, UnreachableError } from './errors.ts';
import type { ConnectOptions } from './options.ts';

const JOIN_TIMEOUT_MS = 30_000;

/**
 * Joins a realm and stays in it. Resolves with the agent when it has joined; from then on it comes back by itself after
 * restarts of the router and failures of the network, until it is closed or told a final no.
 *
 * @throws RefusedError where the router's answer is final; UnreachableError where there is no router in time; the
 *   signal's reason; TypeError where the options are wrong
 */
export async function connectAgent(options: ConnectOptions): Promise<Agent> {
  const agent = newAgent(options);
  await joinFirst(agent, options);
  return agent;
}

/** The agent of `connectAgent` before it joins, for those who want to listen from the beginning; `open()` begins. */
export function newAgent(options: ConnectOptions): Agent {
  for (const name of ['url', 'realm'] as const) {
    if (typeof options[name] !== 'string' || options[name] === '') throw new TypeError(`${name} is missing`);
  }
  if (!/^wss?:\/\//.test(options.url)) throw new TypeError(`url ${JSON.stringify(options.url)} is not ws:// or wss://`);
  return new Agent(options);
}

/** Opens a {@link newAgent} and waits until it has joined. @throws as `connectAgent` */
export async function joinFirst(agent: Agent, { url, joinTimeoutMs, signal }: ConnectOptions): Promise<void> {
  const timeoutMs = joinTimeoutMs ?? JOIN_TIMEOUT_MS;
  signal?.throwIfAborted();
  let last = 'no answer';
  const forget = agent.on('lost', ({ why }) => {
    last = why;
  });
  let timer: ReturnType<typeof setTimeout> | undefined;
  if (timeoutMs > 0) {
    const tooLate = (): AgentError =>
      new UnreachableError(ErrorUri.NETWORK_FAILURE, `${url}: no session within ${timeoutMs} ms; last: ${last}`);
    timer = setTimeout(() => void agent.close(tooLate()), timeoutMs);
  }
  agent.open();
  try {
    await agent.joined({ signal });
  } catch (error) {
    if (signal?.aborted === true) void agent.close(new ClosedError(CloseUri.NORMAL, 'joining was aborted'));
    throw error;
  } finally {
    forget();
    clearTimeout(timer);
  }
}
