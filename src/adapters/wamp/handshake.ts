import type { AuthAttempt, AuthStep } from '../../auth/auth-method.ts';
import type { Realm } from '../../router/realm.ts';
import type { Member } from '../../router/session.ts';
import type { LinkInfo } from '../../transports/link.ts';
import { ErrorUri } from '../../wamp/errors.ts';
import { type ClientMessage, type Hello, MessageType } from '../../wamp/messages.ts';
import type { Dict } from '../../wamp/payload.ts';
import { isValidUri } from '../../wamp/uri.ts';
import type { AdapterContext, RealmHost } from '../adapter.ts';

/** What the connection is to do next. */
export type Outcome =
  | { readonly kind: 'challenge'; readonly method: string; readonly extra: Dict }
  | { readonly kind: 'welcome'; readonly realm: Realm; readonly member: Member; readonly details: Dict }
  | { readonly kind: 'deny'; readonly uri: string; readonly message: string }
  | { readonly kind: 'violation'; readonly message: string }
  | { readonly kind: 'tryLater'; readonly message: string };

/** What all failures of authentication say, so that none tells more than another (CONTRACT §4, "Failures"). */
const DENIED = 'authentication failed';

/** Characters of a realm's name that are repeated to whoever asked for it, and in the log. */
const SHOWN_REALM = 200;

/** From HELLO to WELCOME or ABORT (spec: "Session Establishment", "Authentication"); knows no socket. */
export class Handshake {
  readonly #context: AdapterContext;
  readonly #info: LinkInfo;
  readonly #hello: Hello;
  readonly #next: (outcome: Outcome) => void;
  #host: RealmHost | undefined;
  #attempt: AuthAttempt | undefined;
  #sessionId = 0;
  #awaits: 'authenticator' | 'peer' = 'authenticator';

  /** @param next called for every outcome, perhaps after a while, never after `welcome`, `deny` or `tryLater` */
  constructor(context: AdapterContext, info: LinkInfo, hello: Hello, next: (outcome: Outcome) => void) {
    this.#context = context;
    this.#info = info;
    this.#hello = hello;
    this.#next = next;
  }

  begin(): void {
    const { realm: name, authid, authextra, authmethods } = this.#hello;
    if (name !== '' && !isValidUri(name, 'exact', false)) {
      this.#refuse(ErrorUri.INVALID_URI, 'HELLO.Realm: URI expected');
      return;
    }
    const host = this.#context.realm(name);
    if (host === undefined) {
      this.#refuse(ErrorUri.NO_SUCH_REALM, `no realm ${JSON.stringify(name.slice(0, SHOWN_REALM))} here`);
      return;
    }
    const { environment } = authextra;
    if (environment !== undefined && environment !== host.environment) {
      // A client may insist on where it is, so that a test agent never talks to production (CONTRACT §4).
      const message = `realm ${name} is of environment ${JSON.stringify(host.environment)}, not the one demanded`;
      this.#refuse(ErrorUri.NO_SUCH_REALM, message);
      return;
    }
    this.#host = host;
    this.#sessionId = this.#context.newSessionId();
    const started = host.authenticator.attempt(
      { authmethods },
      {
        session: this.#sessionId,
        authid,
        authextra,
        address: this.#info.address,
        transport: this.#transport(),
        channelId: this.#info.channelId?.(),
        certificate: this.#info.certificate,
      },
    );
    if ('kind' in started) {
      this.#step(started);
      return;
    }
    this.#attempt = started;
    this.#take(started.begin());
  }

  /** Before authentication; the log tells the admin what the client is told. */
  #refuse(uri: string, message: string): void {
    const { authid } = this.#hello;
    this.#context.log.info({ authid, address: this.#info.address, uri }, `HELLO refused: ${message}`);
    this.#next({ kind: 'deny', uri, message });
  }

  /** Whatever arrives between HELLO and WELCOME, ABORT excepted (PITFALLS 21). */
  receive(message: ClientMessage): void {
    if (message.type !== MessageType.AUTHENTICATE || this.#awaits !== 'peer') {
      this.#next({ kind: 'violation', message: 'AUTHENTICATE expected, once, after CHALLENGE' });
      return;
    }
    this.#awaits = 'authenticator';
    const attempt = this.#attempt;
    if (attempt !== undefined) this.#take(attempt.finish(message.signature, message.extra));
  }

  #take(step: AuthStep | Promise<AuthStep>): void {
    if (!(step instanceof Promise)) {
      this.#step(step);
      return;
    }
    // Also what goes wrong with the step: outside of any transport's guard it would end the router.
    step
      .then((settled) => this.#step(settled))
      .catch((error: unknown) => {
        this.#context.log.warn({ err: error, realm: this.#hello.realm }, 'authentication could not be carried out');
        this.#next({ kind: 'tryLater', message: 'authentication is not available' });
      });
  }

  #step(step: AuthStep): void {
    switch (step.kind) {
      case 'challenge':
        this.#awaits = 'peer';
        this.#next(step);
        return;
      case 'deny':
        this.#log(step.reason, 'authentication denied');
        this.#next({
          kind: 'deny',
          uri: step.uri,
          message: step.uri === ErrorUri.AUTHENTICATION_DENIED ? DENIED : step.reason,
        });
        return;
      case 'tryLater':
        if (step.cause !== undefined) this.#log(step.cause, 'authentication could not be decided');
        this.#next({ kind: 'tryLater', message: step.reason });
        return;
      case 'welcome':
        this.#welcome(step);
    }
  }

  #log(reason: string, text: string): void {
    const { realm, authid } = this.#hello;
    this.#context.log.info({ realm, authid, address: this.#info.address, reason }, text);
  }

  #transport(): Dict {
    const { transport: type, subprotocol: protocol, secure } = this.#info;
    return Object.freeze({ type, protocol, secure });
  }

  #welcome(step: Extract<AuthStep, { kind: 'welcome' }>): void {
    const { identity, credential, authextra } = step;
    // Reload may have swapped or removed the realm while a slow check ran.
    const host = this.#context.realm(this.#hello.realm);
    if (host === undefined || host.realm !== this.#host?.realm) {
      this.#next({ kind: 'tryLater', message: 'the realm changed during authentication' });
      return;
    }
    if (host.authenticator.judge(identity, credential) !== 'keep') {
      this.#next({ kind: 'deny', uri: ErrorUri.AUTHENTICATION_DENIED, message: DENIED });
      return;
    }
    const { authid, authrole, authmethod, authprovider } = identity;
    const transport = this.#transport();
    this.#next({
      kind: 'welcome',
      realm: host.realm,
      member: { identity, features: this.#hello.features, id: this.#sessionId, credential, transport },
      details: {
        authid,
        authrole,
        authmethod,
        authprovider,
        ...(authextra === undefined ? {} : { authextra }),
        ...(host.environment === '' ? {} : { _environment: host.environment }),
      },
    });
  }
}
