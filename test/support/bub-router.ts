import type { ActivityRow, ActivitySink } from '../../src/adapters/activity.ts';
import { type RunningRouter, startRouter } from './start-router.ts';

/** Rows as they are recorded. */
export class TestActivity implements ActivitySink {
  readonly rows: ActivityRow[] = [];
  /** Rows reserved and neither recorded nor released. */
  reserved = 0;
  /** Set: nothing has room; {@link open} lets those that wait go on. */
  full = false;
  readonly #ready: (() => void)[] = [];

  record(row: ActivityRow): void {
    this.rows.push(row);
    if (this.reserved > 0) this.reserved -= 1;
  }

  reserve(rows: number, ready: () => void): boolean {
    if (!this.full) {
      this.reserved += rows;
      return true;
    }
    this.#ready.push(() => {
      this.reserved += rows;
      ready();
    });
    return false;
  }

  release(rows: number): void {
    this.reserved -= rows;
  }

  get held(): number {
    return this.#ready.length;
  }

  /** Lets the one go on that has waited longest. */
  openOne(): void {
    this.#ready.shift()?.();
  }

  open(): void {
    this.full = false;
    for (const ready of this.#ready.splice(0)) ready();
  }

  /** `event actor status` of one message, in order. */
  of(messageId: string): string[] {
    return this.rows
      .filter((row) => row.messageId === messageId)
      .map(({ event, actor, status }) => `${event} ${actor} ${status}`);
  }
}

export const BUB_REALM = `
realm: realm1
environment: test
anonymous: { role: anybody }
principals:
  planner: { role: anybody, ticket: { env: PLANNER }, bub: ["agent:planner"] }
roles:
  anybody:
    - { uri: "", match: prefix, allow: [call, register, publish, subscribe], disclose: [caller, publisher] }
    - { uri: "secret:", match: prefix, deny: [publish, subscribe, call, register] }
  listener:
    - { uri: "", match: prefix, allow: [subscribe, publish] }
bub:
  roles: { "listen-*": listener, "tg:*": anybody, "agent*": anybody, "peer-*": anybody }
  processTimeoutMs: 400
`;

export interface BubRouter extends RunningRouter {
  readonly activity: TestActivity;
  readonly wamp: string;
  readonly v2: string;
  readonly v1: string;
  readonly ticket: string;
}

export async function startBubRouter(realm = BUB_REALM, extra = ''): Promise<BubRouter> {
  const activity = new TestActivity();
  const router = await startRouter({
    realms: { realm1: realm },
    listeners: `
listeners:
  - tcp: 127.0.0.1:0
    endpoints:
      - { path: /ws, protocol: wamp }
      - { path: /bub, protocol: bub-v2, realm: realm1, auth: none }
      - { path: /bub/v1, protocol: bub-v1, realm: realm1, auth: none }
      - { path: /bub/ticket, protocol: bub-v2, realm: realm1, auth: ticket }
`,
    extra,
    env: { PLANNER: 'a-ticket-of-the-planner' },
    activity,
  });
  const base = router.url.replace(/\/ws$/, '');
  return Object.assign(router, {
    activity,
    wamp: router.url,
    v2: `${base}/bub`,
    v1: `${base}/bub/v1`,
    ticket: `${base}/bub/ticket`,
  });
}
