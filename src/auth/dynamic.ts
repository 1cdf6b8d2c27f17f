/**
 * People whom the realm file does not know: the procedure `dynamic.authenticator` is asked about them (CONTRACT §4).
 * Principals of the file are the file's alone.
 */
import type { Identity } from '../router/authorizer.ts';
import type { Answer, Inquiries } from '../router/inquiries.ts';
import { WampError } from '../wamp/errors.ts';
import { isDict } from '../wamp/features.ts';
import type { Dict } from '../wamp/payload.ts';
import { denied } from './answers.ts';
import type { AuthRequest, AuthStep, Vouching } from './auth-method.ts';
import type { DynamicAuthSpec } from './principals.ts';

/** `Identity.authprovider` of who joined so, and what the names of their credentials begin with. */
export const DYNAMIC = 'dynamic';

/** Strangers that may wait until the authenticator has time for them: each HELLO is kept, and nobody vouches for them yet. */
const MAX_WAITING = 1000;

/** Longest authid that an authenticator may give, in UTF-16 units. */
const MAX_AUTHID_LENGTH = 256;

/** The end of an attempt while nobody answers. @param cause for the log; what the peer hears is always alike */
export function silent(cause: string): Extract<AuthStep, { kind: 'tryLater' }> {
  return { kind: 'tryLater', reason: 'authentication is not available', cause };
}

/** Asks the authenticator of one version of one realm. */
export class DynamicAuthenticator {
  readonly #realm: string;
  readonly #spec: DynamicAuthSpec;
  readonly #inquiries: Pick<Inquiries, 'ask' | 'holder'>;
  readonly #isPrincipal: (authid: string) => boolean;
  #wasSilent = false;

  constructor(
    realm: string,
    spec: DynamicAuthSpec,
    inquiries: Pick<Inquiries, 'ask' | 'holder'>,
    isPrincipal: (authid: string) => boolean,
  ) {
    this.#realm = realm;
    this.#spec = spec;
    this.#inquiries = inquiries;
    this.#isPrincipal = isPrincipal;
  }

  /**
   * Milliseconds until any denial where somebody may have been asked: how long the authenticator took must not tell who
   * is a principal and who is not (CONTRACT §4, "Failures").
   */
  get denialMs(): number {
    return this.#spec.timeoutMs;
  }

  /** Whether nobody is there to be asked, or did not answer the last time. */
  get isSilent(): boolean {
    return this.#wasSilent || this.#inquiries.holder(this.#spec.authenticator) === undefined;
  }

  /** The name of the credential of all whom it vouched for. */
  get credential(): string {
    return `${DYNAMIC}:${this.#spec.authenticator}`;
  }

  /** The present role of somebody it vouched for; undefined: it is not to be relied on any more. */
  presentRole({ authid, authrole }: Identity, credential: string): string | undefined {
    if (credential !== this.credential || this.#isPrincipal(authid)) return undefined;
    return this.#spec.roles.has(authrole) ? authrole : undefined;
  }

  /** @param proof what the client brought, by the names that the authenticator knows it under; never logged */
  ask(method: string, request: AuthRequest, proof: Dict): Promise<Vouching> {
    const { authid = '', authextra, address, session, transport } = request;
    const details = { authmethod: method, authextra, address, session, ...(transport && { transport }), ...proof };
    const { authenticator, timeoutMs } = this.#spec;
    return new Promise((resolve) => {
      const done = (answer: Answer): void => {
        this.#wasSilent = answer.kind === 'silence';
        resolve(this.#read(answer, method, authid));
      };
      this.#inquiries.ask(authenticator, [this.#realm, authid, details], timeoutMs, done, MAX_WAITING);
    });
  }

  #read(answer: Answer, method: string, asked: string): Vouching {
    // CONTRACT §6: the client should come back when there is somebody to ask.
    if (answer.kind === 'silence') return silent(answer.reason);
    if (answer.kind === 'error') return denied(`the authenticator answered ${answer.uri}`);
    const said = firstOf(answer);
    if (said === false) return denied('the authenticator denies it');
    if (!isDict(said)) return denied('the authenticator answered neither false nor { role, authid, extra }');
    const { role, authid = asked, extra } = said;
    if (typeof role !== 'string' || !this.#spec.roles.has(role)) {
      return denied('the authenticator named no role of the realm file');
    }
    if (typeof authid !== 'string' || authid === '' || authid.length > MAX_AUTHID_LENGTH) {
      return denied('the authenticator named no usable authid');
    }
    if (this.#isPrincipal(authid)) return denied('the authenticator named a principal of the realm file');
    if (extra !== undefined && extra !== null && !isDict(extra))
      return denied('the authenticator gave an extra that is no map');
    const identity = Object.freeze({ authid, authrole: role, authmethod: method, authprovider: DYNAMIC });
    const authextra = isDict(extra) ? extra : undefined;
    return { kind: 'vouched', said, step: { kind: 'welcome', identity, credential: this.credential, authextra } };
  }
}

function firstOf(answer: Extract<Answer, { kind: 'result' }>): unknown {
  try {
    return answer.payload.value().args[0];
  } catch (error) {
    // Its encoding says something that has no value.
    if (error instanceof WampError) return undefined;
    throw error;
  }
}
