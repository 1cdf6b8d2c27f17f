import type { Identity } from '../router/authorizer.ts';
import type { Clock } from '../router/clock.ts';
import type { Inquiries } from '../router/inquiries.ts';
import { ErrorUri } from '../wamp/errors.ts';
import { denied, LOCKED_OUT } from './answers.ts';
import type { AuthAttempt, AuthMethod, AuthRequest, AuthStep, RealmCredentials, RealmMethod } from './auth-method.ts';
import { Decoys } from './decoys.ts';
import { hmac, sealed } from './digests.ts';
import { DYNAMIC, DynamicAuthenticator, silent } from './dynamic.ts';
import type { Lockout, Trial } from './lockout.ts';
import type { RealmAuthSpec, SecretRef } from './principals.ts';
import { AUTH_METHODS, chooseMethod } from './registry.ts';
import { SecretFiles } from './secret-files.ts';
import { SlowHashes } from './slow-hashes.ts';

export interface AuthenticatorDeps {
  readonly clock: Clock;
  /** Where `{ env: NAME }` is looked up, when the realm is compiled. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** One per router: it must survive reloads. */
  readonly lockout: Lockout;
  /** How the realm's authenticator is asked; absent: nobody is. */
  readonly inquiries?: Pick<Inquiries, 'ask' | 'holder'>;
  /** Default: one for the process. */
  readonly slowHashes?: SlowHashes;
  /**
   * Secret bytes from which challenges for unknown users are made; those stay the same for as long as this does.
   * Default: made from the realm's WAMP-CRA secrets and SCRAM verifiers, which outlive a restart.
   */
  readonly decoyKey?: Buffer;
  /** Default: all there are. */
  readonly methods?: readonly AuthMethod[];
}

/** What a reload means for a session: `roleChanged` ones are closed so that they come back (CONTRACT §4, §6). */
export type Verdict = 'keep' | 'gone' | 'roleChanged';

/** Denials held back at the same time; above it they are answered at once. */
const MAX_HELD = 4_096;

const ENDED = denied('this attempt is over: one answer to one challenge');

/** A realm's methods and what compiling them had to say; immutable, swapped as a whole. */
interface Compiled {
  readonly methods: ReadonlyMap<string, RealmMethod>;
  readonly warnings: readonly string[];
}

/**
 * Who may join one realm, and as whom. Made from one version of the realm file; a new version makes a new one, and
 * sessions of the old are put to its `judge`.
 */
export class RealmAuthenticator {
  readonly realm: string;
  readonly #spec: RealmAuthSpec;
  readonly #deps: AuthenticatorDeps;
  readonly #files: SecretFiles;
  readonly #roles: ReadonlyMap<string, string>;
  readonly #dynamic: DynamicAuthenticator | undefined;
  #compiled: Compiled;
  #held = 0;

  /** Reads the environment and, blocking, the files of secrets. What cannot be used is in `warnings`; never throws. */
  constructor(spec: RealmAuthSpec, deps: AuthenticatorDeps) {
    this.realm = spec.realm;
    this.#spec = spec;
    this.#deps = deps;
    this.#files = new SecretFiles(deps.clock);
    this.#roles = new Map(spec.principals.map(({ authid, role }) => [authid, role]));
    const { dynamic } = spec;
    if (dynamic !== undefined && deps.inquiries !== undefined) {
      const isPrincipal = (authid: string) => this.#roles.has(authid);
      this.#dynamic = new DynamicAuthenticator(spec.realm, dynamic, deps.inquiries, isPrincipal);
    }
    this.#compiled = this.#compile();
  }

  /** Credentials that do not exist although the realm file names them, and why. For the log; no secrets in them. */
  get warnings(): readonly string[] {
    return this.#compiled.warnings;
  }

  /**
   * Looks at the files of secrets; to be called every 500 ms or so.
   * @returns true where a secret changed: sessions should then be put to `judge`, `warnings` may be new. Never rejects.
   */
  async refresh(): Promise<boolean> {
    if (!(await this.#files.refresh())) return false;
    this.#compiled = this.#compile();
    return true;
  }

  /**
   * Chooses the method of a HELLO.
   * @returns the attempt, or the denial `no_matching_auth_method`
   */
  attempt(
    hello: { readonly authmethods: readonly string[] | undefined },
    request: AuthRequest,
  ): AuthAttempt | AuthStep {
    const method = chooseMethod(this.#compiled.methods, hello.authmethods, request, this.#dynamic !== undefined);
    if (method !== undefined) return this.#guard(method, request);
    const reason = 'no authentication method that the client offers is allowed in this realm and can start';
    return { kind: 'deny', uri: ErrorUri.NO_MATCHING_AUTH_METHOD, reason };
  }

  /** Ticket authentication in one step, for peers that know no challenge. Counts against the same delays. */
  async authenticateTicket(authid: string, ticket: string, address: string): Promise<AuthStep> {
    const method = this.#compiled.methods.get('ticket');
    if (method === undefined) return denied('ticket: not offered');
    const request: AuthRequest = { session: 0, authid, authextra: {}, address, channelId: undefined };
    const attempt = this.#guard(method, request);
    const begun = await attempt.begin();
    return begun.kind === 'challenge' ? attempt.finish(ticket, {}) : begun;
  }

  /**
   * What the present realm file and secrets say about a session that joined under an earlier version.
   * @param credential `Session.credential`; empty for sessions that were never authenticated (`auth: none`), which
   *   are not judged here
   */
  judge(identity: Identity, credential: string): Verdict {
    if (credential === '') return 'keep';
    const role = this.#presentRole(identity, credential);
    if (role === undefined) return 'gone';
    return role === identity.authrole ? 'keep' : 'roleChanged';
  }

  #presentRole(identity: Identity, credential: string): string | undefined {
    const { principal, authprovider } = identity;
    if (authprovider === DYNAMIC) return this.#dynamic?.presentRole(identity, credential);
    if (principal === undefined) return this.#spec.anonymous?.role;
    const name = credential.slice(0, credential.indexOf(':'));
    const held = this.#compiled.methods.get(name)?.holds(principal, credential) ?? false;
    return held ? this.#roles.get(principal) : undefined;
  }

  /** Around every method: one begin, one finish, the delays, and denials that all take equally long. */
  #guard(method: RealmMethod, request: AuthRequest): AuthAttempt {
    let made: Trial | undefined;
    /** Made with the challenge: who meets none is counted nowhere, and need not pay for a digest of his name. */
    const trial = (): Trial => {
      made ??= this.#deps.lockout.trial(request.address, this.realm, method.suspect(request));
      return made;
    };
    const locked = () => trial().locked();
    const inner = this.#stranger(method, request) ?? method.attempt(request, locked);
    // Where strangers are asked about, whatever ends badly takes as long for everybody (CONTRACT §4, "Failures").
    const dynamic = method.stranger === undefined ? undefined : this.#dynamic;
    const denialMs = Math.max(method.denialMs, dynamic?.denialMs ?? 0);
    let state: 'new' | 'challenged' | 'over' = 'new';
    const settle = (step: AuthStep, since: number): AuthStep | Promise<AuthStep> => {
      if (step.kind === 'welcome') {
        trial().succeeded();
        // The credential may have been taken away while the client made up its answer.
        const verdict = this.judge(step.identity, step.credential);
        if (verdict === 'keep') return step;
        if (verdict === 'roleChanged') return { kind: 'tryLater', reason: 'the role changed during authentication' };
        return this.#hold(denied('the credential was removed during authentication'), since, denialMs);
      }
      if (step.kind === 'challenge') return step;
      if (step.kind === 'tryLater') return dynamic === undefined ? step : this.#hold(step, since, denialMs);
      if (step !== LOCKED_OUT) trial().failed(this.#wait(since, denialMs));
      // Strangers are told to come back while nobody can be asked about them; so is who might be one.
      return this.#hold(dynamic?.isSilent === true ? silent(step.reason) : step, since, denialMs);
    };
    return {
      begin: () => {
        if (state !== 'new') return ENDED;
        state = 'over';
        return after(inner.begin(), (step) => {
          if (step.kind !== 'challenge') return step;
          state = 'challenged';
          trial();
          return step;
        });
      },
      finish: (signature, extra) => {
        if (state !== 'challenged') return ENDED;
        state = 'over';
        const since = this.#deps.clock.now();
        if (locked()) return settle(LOCKED_OUT, since);
        return after(inner.finish(signature, extra), (step) => settle(step, since));
      },
    };
  }

  /** The attempt of somebody whom the file does not know, where another is asked about those. */
  #stranger(method: RealmMethod, request: AuthRequest): AuthAttempt | undefined {
    const { authid } = request;
    const dynamic = this.#dynamic;
    if (dynamic === undefined || authid === undefined || this.#roles.has(authid)) return undefined;
    return method.stranger?.(request, (proof) => dynamic.ask(method.name, request, proof));
  }

  /** Answers a denial `denialMs` after `since`, so that its time tells nothing about its reason. */
  #hold(step: AuthStep, since: number, denialMs: number): AuthStep | Promise<AuthStep> {
    const wait = this.#wait(since, denialMs);
    if (wait === 0 || this.#held >= MAX_HELD) return step;
    this.#held += 1;
    return new Promise((resolve) => {
      this.#deps.clock.setTimer(wait, () => {
        this.#held -= 1;
        resolve(step);
      });
    });
  }

  /** Milliseconds left of `denialMs`; a clock that is set back does not make it more. */
  #wait(since: number, denialMs: number): number {
    return Math.max(0, Math.min(since + denialMs - this.#deps.clock.now(), denialMs));
  }

  #compile(): Compiled {
    const warnings = new Set<string>();
    const secret = (ref: SecretRef, where: string) => this.#secret(ref, where, warnings);
    const { clock, decoyKey, slowHashes = SlowHashes.shared, methods = AUTH_METHODS } = this.#deps;
    const credentials: RealmCredentials = {
      ...this.#spec,
      secret,
      warn: (message) => warnings.add(message),
      decoys: new Decoys(decoyKey ?? defaultDecoyKey(this.#spec, secret)),
      clock,
      slowHashes,
    };
    const compiled = new Map(methods.map((method) => [method.name, method.compile(credentials)]));
    return { methods: compiled, warnings: [...warnings] };
  }

  /** Unset or empty: the credential does not exist, which is worth a warning (CONTRACT §4, "Secrets"). */
  #secret(ref: SecretRef, where: string, warnings: Set<string>): string | undefined {
    if ('file' in ref) {
      const content = this.#files.get(ref.file);
      if (content === undefined) warnings.add(`${where}: file ${ref.file} ${this.#files.problem(ref.file)}`);
      return content;
    }
    const value = this.#deps.env[ref.env];
    if (value !== undefined && value.trim() !== '') return value;
    warnings.add(`${where}: environment variable ${ref.env} is ${value === undefined ? 'not set' : 'empty'}`);
    return undefined;
  }
}

/**
 * From the secrets of those principals that unknown users imitate: nobody outside can compute it, and it changes
 * when they do, not when the router restarts.
 */
function defaultDecoyKey(
  { realm, principals }: RealmAuthSpec,
  secret: (ref: SecretRef, where: string) => string | undefined,
): Buffer {
  const secrets = principals.flatMap(({ authid, wampcra, scram }) => [
    ...wampcra.flatMap((spec) => ('key' in spec ? spec.key : (secret(spec, `principal "${authid}": wampcra`) ?? []))),
    ...scram.map((spec) => spec.serverKey.toLowerCase()),
  ]);
  if (secrets.length === 0) return sealed(`decoys ${realm}`);
  return hmac(`waggle decoys ${realm}`, secrets.sort().join('\0'));
}

function after(
  step: AuthStep | Promise<AuthStep>,
  then: (step: AuthStep) => AuthStep | Promise<AuthStep>,
): AuthStep | Promise<AuthStep> {
  return step instanceof Promise ? step.then(then) : then(step);
}
