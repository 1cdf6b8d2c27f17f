import { TestActivity } from './bub-router.ts';
import { type RunningRouter, startRouter } from './start-router.ts';

/** The public key of the principal that has one. */
export const PLANNER_KEY = '545efb0a2192db8d43f118e9bf9aee081466e1ef36c708b96ee6f62dddad9122';
export const PLANNER_TICKET = 'a-ticket-of-the-planner';

export const RELAY_REALM = `
realm: realm1
environment: test
anonymous: { role: anybody }
principals:
  planner: { role: anybody, ticket: { env: PLANNER }, cryptosign: "${PLANNER_KEY}", relay: ["planner.relay"] }
roles:
  anybody:
    - { uri: "", match: prefix, allow: [call, register, publish, subscribe], disclose: [caller, publisher] }
  mute:
    - { uri: "", match: prefix, allow: [call, register, publish, subscribe] }
    - { uri: "secret.", match: prefix, deny: [publish, subscribe, call, register] }
  listener:
    - { uri: "", match: prefix, allow: [subscribe] }
  outsider:
    - { uri: "updates.", match: prefix, allow: [subscribe] }
bub:
  roles: { "*": anybody }
  allowOther: true
  processTimeoutMs: 20000
relay:
  roles: { "listen-*": listener, "mute-*": mute, "out-*": outsider, "peer-*": anybody, "*.relay": anybody, "*.agent": anybody }
  callTimeoutMs: 20000
`;

/** The same where nobody has long to answer. */
export const HASTY_REALM = RELAY_REALM.replaceAll('TimeoutMs: 20000', 'TimeoutMs: 200');

export interface RelayRouter extends RunningRouter {
  readonly activity: TestActivity;
  readonly wamp: string;
  readonly relay: string;
  readonly bub: string;
  readonly v1: string;
  readonly ticket: string;
  /** Puts another realm file in force. */
  use(realm: string): void;
}

export async function startRelayRouter(realm = RELAY_REALM, extra = ''): Promise<RelayRouter> {
  const activity = new TestActivity();
  const router = await startRouter({
    realms: { realm1: realm },
    listeners: `
listeners:
  - tcp: 127.0.0.1:0
    endpoints:
      - { path: /ws, protocol: wamp }
      - { path: /relay, protocol: relay, realm: realm1, auth: none }
      - { path: /relay/ticket, protocol: relay, realm: realm1, auth: ticket }
      - { path: /bub, protocol: bub-v2, realm: realm1, auth: none }
      - { path: /bub/v1, protocol: bub-v1, realm: realm1, auth: none }
`,
    extra,
    env: { PLANNER: PLANNER_TICKET },
    activity,
  });
  const base = router.url.replace(/\/ws$/, '');
  return Object.assign(router, {
    activity,
    wamp: router.url,
    relay: `${base}/relay`,
    ticket: `${base}/relay/ticket`,
    bub: `${base}/bub`,
    v1: `${base}/bub/v1`,
    use(yaml: string) {
      router.writeRealm('realm1', yaml);
      router.reload();
    },
  });
}
