/** An authorizer of a realm without sockets, which answers when a test wants it to. */
import { MessageType } from '../../src/wamp/messages.ts';
import { type Client, type CoreOptions, type MemberOptions, TestCore } from './core.ts';

export const AUTHORIZER = 'auth.allow';
export const AUTHENTICATOR = 'auth.check';
export const TIMEOUT_MS = 2000;

/** One question as it reached the authorizer. */
export interface Asked {
  readonly invocation: number;
  readonly session: { readonly session: number; readonly authid: string; readonly authrole: string };
  readonly uri: string;
  readonly action: string;
  readonly options: unknown;
}

export class DynamicCore extends TestCore {
  readonly authority: Client;

  constructor(options: CoreOptions = {}) {
    const dynamic = { authorizer: AUTHORIZER, authenticator: AUTHENTICATOR, timeoutMs: TIMEOUT_MS };
    super({ dynamic, ...options });
    this.authority = this.join({ authid: 'authority', authrole: 'authority' });
    this.authority.registered(AUTHORIZER);
  }

  /** Questions that came since this was last asked. */
  questions(): Asked[] {
    return questionsOf(this.authority);
  }

  /** A session about whose requests below `x.` the authorizer is asked. */
  asker(options: MemberOptions = {}): Client {
    return this.join({ authrole: 'dynamic', ...options });
  }

  /** Has the authorizer asked about every action on `uri`. */
  askAbout(...uris: readonly string[]): this {
    for (const uri of uris) {
      for (const action of ['call', 'register', 'publish', 'subscribe'] as const) {
        this.authorizer.ask(action, uri, 'dynamic');
      }
    }
    return this;
  }
}

export function questionsOf(authority: Client): Asked[] {
  return authority.peer.takeMessages().flatMap((message) => {
    if (message.type !== MessageType.INVOCATION) return [];
    const [session, uri, action, options] = message.payload.value().args;
    return [{ invocation: message.request, session, uri, action, options } as Asked];
  });
}
