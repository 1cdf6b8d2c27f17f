/** Where the scenarios run: in one process or over any transport, in every encoding. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AdapterContext } from '../../../src/adapters/adapter.ts';
import { wampAdapter } from '../../../src/adapters/wamp/adapter.ts';
import { Lockout } from '../../../src/auth/lockout.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { formatProblem } from '../../../src/config/problem.ts';
import { createLog } from '../../../src/observe/log.ts';
import { combineObservers } from '../../../src/observe/observers.ts';
import { ALONE } from '../../../src/router/cluster.ts';
import { NO_OBSERVER } from '../../../src/router/observer.ts';
import { Router } from '../../../src/router/router.ts';
import { Histories } from '../../../src/server/history.ts';
import { RealmHosts } from '../../../src/server/realm-hosts.ts';
import { SYSTEM_CLOCK } from '../../../src/server/system-clock.ts';
import { CloseUri } from '../../../src/wamp/errors.ts';
import { RandomIds } from '../../../src/wamp/ids.ts';
import { type Agent, type AgentOptions, joinAgent, type Target } from '../../support/autobahn-client.ts';
import { certificateA } from '../../support/certificates.ts';
import { longPollWire } from '../../support/longpoll-client.ts';
import { type JoinOptions, RawClient } from '../../support/raw-client.ts';
import { RAW_NAMES, type RawName } from '../../support/raw-codec.ts';
import { rawSocketWire } from '../../support/rawsocket-client.ts';
import { type RunningRouter, startRouter } from '../../support/start-router.ts';
import { batchedWire, memoryWire, type Wire, webSocketWire } from '../../support/wire.ts';

/** Agents by name with the ticket `secret-<name>`, and anybody without. Only carol is denied `com.forbidden`. */
export const SCENARIO_REALM = `
realm: realm1
environment: test
anonymous: { role: anybody }
principals:
  alice: { role: agent, ticket: { env: ALICE } }
  bob: { role: agent, ticket: { env: BOB } }
  carol: { role: auditor, ticket: { env: CAROL } }
roles:
  anybody:
    - { uri: "", match: prefix, allow: [call, register, publish, subscribe] }
    - { uri: com.named., match: prefix, allow: [], disclose: [publisher, caller] }
  agent:
    - { uri: "", match: prefix, allow: [call, register, publish, subscribe] }
    - { uri: com.named., match: prefix, allow: [], disclose: [publisher, caller] }
  auditor:
    - { uri: "", match: prefix, allow: [call, register, publish, subscribe] }
    - { uri: com.forbidden, deny: [call, register, publish, subscribe] }
events:
  - { uri: com.past., match: prefix, history: { limit: 100 } }
`;
const ENV = { ALICE: 'secret-alice', BOB: 'secret-bob', CAROL: 'secret-carol' };

/** A router that runs, and what connects to it. */
interface Running {
  readonly target: Target;
  wire(subprotocol: string): Promise<Wire>;
  stop(): Promise<void>;
}

export interface Environment {
  readonly name: string;
  readonly serializer: RawName;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** An autobahn agent; it leaves when the test is over. */
  agent(options?: AgentOptions): Promise<Agent>;
  /** An agent under one of the names of the realm file. */
  named(authid: 'alice' | 'bob' | 'carol'): Promise<Agent>;
  /** A raw client that has joined, with every feature unless told otherwise. */
  raw(options?: JoinOptions): Promise<RawClient>;
  /** A raw client that has not said HELLO. */
  stranger(): Promise<RawClient>;
  /** Ends whoever is still connected. To be called after each test. @throws Error where autobahn complained */
  settle(): Promise<void>;
}

interface Ground {
  /** How a router is started that can be reached so. */
  start(): Promise<Running>;
  readonly serializers: readonly RawName[];
}

const TCP = 'tcp: 127.0.0.1:0';
const WS = 'endpoints: [{ path: /ws, protocol: wamp }]';
const RAW = 'rawsocket: true';
const POLLED = 'endpoints: [{ path: /lp, protocol: longpoll }]';
const [cert, key, unix] = ['cert.pem', 'key.pem', 'router.sock'];
const TLS = `tls: { cert: ${cert}, key: ${key} }`;

/** A further transport is one line here: with every serializer. What carries it otherwise (TLS, unix sockets), with one. */
const GROUNDS: Readonly<Record<string, Ground>> = {
  'in process': { start: startInProcess, serializers: RAW_NAMES },
  WebSocket: { start: () => start(`${TCP}, ${WS}`, webSockets), serializers: RAW_NAMES },
  'WebSocket in batches': { start: () => start(`${TCP}, ${WS}`, batches), serializers: RAW_NAMES },
  RawSocket: { start: () => start(`${TCP}, ${RAW}`, rawSockets), serializers: RAW_NAMES },
  'long-poll': { start: () => start(`${TCP}, ${POLLED}`, longPolls), serializers: RAW_NAMES },
  'WebSocket over TLS': { start: () => start(`${TCP}, ${TLS}, ${WS}`, batches), serializers: ['cbor'] },
  'WebSocket over a unix socket': { start: () => start(`unix: ${unix}, ${WS}`, batches), serializers: ['json'] },
  'RawSocket over TLS': { start: () => start(`${TCP}, ${TLS}, ${RAW}`, rawSockets), serializers: ['msgpack'] },
  'RawSocket over a unix socket': { start: () => start(`unix: ${unix}, ${RAW}`, rawSockets), serializers: ['cbor'] },
};

/** Every transport × the three encodings. */
export function environments(): Environment[] {
  return Object.entries(GROUNDS).flatMap(([name, { start, serializers }]) =>
    serializers.map((serializer) => new TestEnvironment(`${name}, ${serializer}`, serializer, start)),
  );
}

class TestEnvironment implements Environment {
  readonly name: string;
  readonly serializer: RawName;
  readonly #startRouter: () => Promise<Running>;
  #running: Running | undefined;
  #agents: Agent[] = [];
  #raws: RawClient[] = [];

  constructor(name: string, serializer: RawName, startRouter: () => Promise<Running>) {
    this.name = name;
    this.serializer = serializer;
    this.#startRouter = startRouter;
  }

  async start(): Promise<void> {
    this.#running = await this.#startRouter();
  }

  async stop(): Promise<void> {
    await this.#running?.stop();
  }

  async agent(options: AgentOptions = {}): Promise<Agent> {
    const agent = await joinAgent(this.#get().target, this.serializer, options);
    this.#agents.push(agent);
    return agent;
  }

  named(authid: 'alice' | 'bob' | 'carol'): Promise<Agent> {
    return this.agent({ authid, authmethods: ['ticket'], onchallenge: () => `secret-${authid}` });
  }

  async raw(options: JoinOptions = {}): Promise<RawClient> {
    const client = await this.stranger();
    const ticket = options.authid === undefined ? undefined : `secret-${options.authid}`;
    return client.join('realm1', {
      ...options,
      ...(ticket === undefined ? {} : { ticket, authmethods: ['ticket'] }),
    });
  }

  async stranger(): Promise<RawClient> {
    const wire = await this.#get().wire(`wamp.2.${this.serializer}`);
    const client = new RawClient(this.serializer, wire);
    this.#raws.push(client);
    return client;
  }

  async settle(): Promise<void> {
    const agents = this.#agents.splice(0);
    for (const client of this.#raws.splice(0)) client.close();
    await Promise.all(agents.map((agent) => agent.leave()));
    const problems = agents.flatMap((agent) => agent.connection.problems);
    if (problems.length > 0) throw new Error(`autobahn complained: ${problems.map(described).join('; ')}`);
  }

  #get(): Running {
    if (this.#running === undefined) throw new Error('the environment was not started');
    return this.#running;
  }
}

function described(problem: unknown): string {
  const { error } = problem as { error?: unknown };
  return String(error ?? problem);
}

type Reach = Pick<Running, 'target' | 'wire'>;

/** A whole router with one listener, and the way to reach it. */
async function start(listener: string, reach: (router: RunningRouter) => Reach): Promise<Running> {
  const router = await startRouter({
    realms: { realm1: SCENARIO_REALM },
    env: ENV,
    listeners: `listeners: [{ ${listener} }]`,
    files: { [cert]: certificateA.cert, [key]: certificateA.key },
  });
  return { ...reach(router), stop: () => router.stop() };
}

function webSockets({ url }: RunningRouter): Reach {
  return { target: { url }, wire: (subprotocol) => webSocketWire(url, subprotocol) };
}

function batches({ url }: RunningRouter): Reach {
  return wires((subprotocol) => batchedWire(url, subprotocol));
}

function rawSockets({ url, port }: RunningRouter): Reach {
  const tls = url.startsWith('tls:');
  const place = url.startsWith('unix:') ? { path: url.slice('unix:'.length) } : { port };
  return wires((subprotocol) => rawSocketWire(place, rawNameOf(subprotocol), tls));
}

function longPolls({ url }: RunningRouter): Reach {
  return wires((subprotocol) => longPollWire(url, subprotocol));
}

function wires(connect: (subprotocol: string) => Wire): Reach {
  return { target: { connect }, wire: async (subprotocol) => connect(subprotocol) };
}

function rawNameOf(subprotocol: string): RawName {
  const name = RAW_NAMES.find((each) => subprotocol === `wamp.2.${each}`);
  if (name === undefined) throw new Error(`no serializer for ${subprotocol}`);
  return name;
}

/** Realms, authenticators and the WAMP adapter as the server has them, without a socket. */
async function startInProcess(): Promise<Running> {
  const folder = mkdtempSync(join(tmpdir(), 'waggle-test-'));
  mkdirSync(join(folder, 'realms'));
  writeFileSync(join(folder, 'realms', 'realm1.yaml'), SCENARIO_REALM);
  writeFileSync(
    join(folder, 'router.yaml'),
    'realms: realms\nlisteners: [{ tcp: 127.0.0.1:0, endpoints: [{ path: /ws, protocol: wamp }] }]\n',
  );
  const loaded = loadConfig(join(folder, 'router.yaml'), ENV);
  rmSync(folder, { recursive: true });
  if (!loaded.ok) throw new Error(loaded.problems.map(formatProblem).join('\n'));
  const { config } = loaded;
  const log = createLog('silent', { write: () => {} });
  const router = new Router({
    clock: SYSTEM_CLOCK,
    ids: new RandomIds(),
    observer: combineObservers([]),
    cluster: ALONE,
  });
  const lockout = new Lockout(SYSTEM_CLOCK);
  const histories = new Histories({ clock: SYSTEM_CLOCK, log, observer: NO_OBSERVER });
  const hosts = new RealmHosts({ router, clock: SYSTEM_CLOCK, log, lockout, env: ENV, histories });
  hosts.apply(config.realms);
  const context: AdapterContext = {
    realm: (name) => hosts.get(name),
    newSessionId: () => router.newSessionId(),
    clock: SYSTEM_CLOCK,
    log,
    handshakeTimeoutMs: config.router.limits.handshakeTimeoutMs,
    handshake: () => {},
    agent: 'waggle-test',
  };
  const connect = (subprotocol: string) => memoryWire(wampAdapter, context, subprotocol);
  return {
    target: { connect },
    wire: async (subprotocol) => connect(subprotocol),
    async stop() {
      const reason = { how: 'restart', uri: CloseUri.SYSTEM_SHUTDOWN, message: '' } as const;
      for (const realm of router.realms) realm.close(reason);
    },
  };
}
