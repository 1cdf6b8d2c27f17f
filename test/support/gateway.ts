import { type Agent, type AgentOptions, joinAgent } from './autobahn-client.ts';
import { type RouterOptions, type RunningRouter, startRouter } from './start-router.ts';

/** Scripts and workers with a ticket, a watcher who may only listen, and anybody, who may call `com.open.` only. */
export const GATEWAY_REALM = `
realm: realm1
anonymous: { role: anybody }
principals:
  script: { role: agent, ticket: { env: SCRIPT } }
  worker: { role: agent, ticket: { env: WORKER } }
  watcher: { role: watcher, ticket: { env: WATCHER } }
roles:
  anybody:
    - { uri: com.open., match: prefix, allow: [call, publish, subscribe] }
  agent:
    - { uri: "", match: prefix, allow: [call, register, publish, subscribe] }
    - { uri: com.named., match: prefix, allow: [], disclose: [publisher, caller] }
  watcher:
    - { uri: com., match: prefix, allow: [subscribe] }
`;
export const SECRETS = { SCRIPT: 'secret-script', WORKER: 'secret-worker', WATCHER: 'secret-watcher' };

const LISTENERS = `
listeners:
  - tcp: 127.0.0.1:0
    hosts: [gateway.example]
    origins: ["https://app.example"]
    endpoints: [{ path: /ws, protocol: wamp }, { path: /api, protocol: http }]
`;

export const basic = (authid: string, ticket: string): string =>
  `Basic ${Buffer.from(`${authid}:${ticket}`).toString('base64')}`;

export const SCRIPT = basic('script', SECRETS.SCRIPT);
export const WORKER = basic('worker', SECRETS.WORKER);
export const WATCHER = basic('watcher', SECRETS.WATCHER);

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body where it is JSON. */
  readonly body: Record<string, unknown>;
}

export interface Gateway {
  readonly router: RunningRouter;
  /** URL of the endpoint, without the realm. */
  readonly api: string;
  call(body: unknown, init?: RequestInit): Promise<Answer>;
  publish(body: unknown, init?: RequestInit): Promise<Answer>;
  /** An autobahn agent of the principal `script`. */
  agent(options?: AgentOptions): Promise<Agent>;
  stop(): Promise<void>;
}

/** A router with a gateway, and agents that leave with it. */
export async function startGateway(options: RouterOptions = {}): Promise<Gateway> {
  const router = await startRouter({
    realms: { realm1: GATEWAY_REALM },
    listeners: LISTENERS,
    env: SECRETS,
    ...options,
  });
  const api = `http://127.0.0.1:${router.port}/api`;
  const agents: Agent[] = [];
  const post =
    (operation: string) =>
    async (body: unknown, init: RequestInit = {}) =>
      answerOf(
        await fetch(`${api}/realms/realm1/${operation}`, {
          method: 'POST',
          body: typeof body === 'string' ? body : JSON.stringify(body),
          ...init,
          headers: { 'Content-Type': 'application/json', Authorization: SCRIPT, ...init.headers },
        }),
      );
  return {
    router,
    api,
    call: post('call'),
    publish: post('publish'),
    async agent(more = {}) {
      const agent = await joinAgent({ url: router.url }, 'json', {
        authid: 'script',
        authmethods: ['ticket'],
        onchallenge: () => SECRETS.SCRIPT,
        ...more,
      });
      agents.push(agent);
      return agent;
    },
    async stop() {
      await Promise.all(agents.map((agent) => agent.leave()));
      await router.stop();
    },
  };
}

export async function answerOf(response: Response): Promise<Answer> {
  const { status, headers } = response;
  const text = await response.text();
  const isJson = /json/.test(headers.get('content-type') ?? '');
  return { status, headers, text, body: isJson ? (JSON.parse(text) as Record<string, unknown>) : {} };
}
