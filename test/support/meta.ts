/** A realm with its meta APIs, and how tests ask and listen. */
import type { Dict } from '../../src/wamp/payload.ts';
import { type CallParts, type Client, type CoreOptions, TestCore } from './core.ts';
import type { Wire } from './recording-peer.ts';

export function metaCore(options: CoreOptions = {}): TestCore {
  return new TestCore({ ...options, meta: true });
}

/** Calls and takes the answer, which must be the last that came. @returns what the client was sent meanwhile */
function answered(client: Client, procedure: string, parts: CallParts): { answer: Wire; before: readonly Wire[] } {
  client.take();
  const request = client.call(procedure, parts);
  const came = client.take();
  const at = came.findIndex((each) => (each[0] === 50 ? each[1] : each[2]) === request);
  const answer = came[at];
  if (answer === undefined) throw new Error(`no answer but ${JSON.stringify(came)}`);
  return { answer, before: came.filter((_, i) => i !== at) };
}

/** Positional results. @throws Error where it was refused */
export function ask(client: Client, procedure: string, args: readonly unknown[] = [], kwargs?: Dict): unknown[] {
  const { answer } = answered(client, procedure, kwargs === undefined ? { args } : { args, kwargs });
  if (answer[0] !== 50) throw new Error(JSON.stringify(answer));
  return (answer[3] ?? []) as unknown[];
}

/** The error URI. @throws Error where it was not refused */
export function refusal(client: Client, procedure: string, args: readonly unknown[] = [], kwargs?: Dict): string {
  const { answer } = answered(client, procedure, kwargs === undefined ? { args } : { args, kwargs });
  if (answer[0] !== 8 || typeof answer[4] !== 'string') throw new Error(JSON.stringify(answer));
  return answer[4];
}

/** Subscribes one after the other; the ids of `heard` are then topics. */
export class Listener {
  readonly client: Client;
  readonly #topics = new Map<unknown, string>();

  constructor(client: Client, topics: readonly string[]) {
    this.client = client;
    for (const topic of topics) this.#topics.set(client.subscribed(topic), topic);
  }

  /** Events since it was last asked: the last component of the topic, then the arguments. */
  heard(): unknown[][] {
    return this.client.take().map((event) => {
      const topic = this.#topics.get(event[1]);
      if (event[0] !== 36 || topic === undefined) throw new Error(`EVENT expected, got ${JSON.stringify(event)}`);
      return [topic.split('.').at(-1), ...((event[4] ?? []) as unknown[])];
    });
  }
}

export const SUBSCRIPTION_TOPICS = ['on_create', 'on_subscribe', 'on_unsubscribe', 'on_delete'].map(
  (name) => `wamp.subscription.${name}`,
);
export const REGISTRATION_TOPICS = ['on_create', 'on_register', 'on_unregister', 'on_delete'].map(
  (name) => `wamp.registration.${name}`,
);
export const SESSION_TOPICS = ['wamp.session.on_join', 'wamp.session.on_leave'];
