import { scryptSync } from 'node:crypto';
import { createRequire } from 'node:module';
import type { AuthAttempt, AuthRequest, AuthStep } from '../../src/auth/auth-method.ts';
import { type AuthenticatorDeps, RealmAuthenticator } from '../../src/auth/authenticator.ts';
import { Lockout } from '../../src/auth/lockout.ts';
import type { PrincipalSpec, RealmAuthSpec } from '../../src/auth/principals.ts';
import type { Dict } from '../../src/wamp/payload.ts';
import { FakeClock } from './fake-clock.ts';

export const REALM = 'yamtam-swarm';

/** A principal without credentials but those given. */
export function principal(authid: string, parts: Partial<PrincipalSpec> = {}): PrincipalSpec {
  return { authid, role: 'agent', ticket: [], cryptosign: [], wampcra: [], scram: [], tls: [], ...parts };
}

export function realm(principals: readonly PrincipalSpec[], anonymous?: { role: string }): RealmAuthSpec {
  return { realm: REALM, anonymous, principals };
}

export interface Bench {
  readonly clock: FakeClock;
  readonly authenticator: RealmAuthenticator;
}

/** An authenticator on a fake clock; what `deps` leaves out is made anew. */
export function bench(spec: RealmAuthSpec, deps: Partial<AuthenticatorDeps> & { clock?: FakeClock } = {}): Bench {
  const clock = deps.clock ?? new FakeClock();
  const authenticator = new RealmAuthenticator(spec, { env: {}, lockout: new Lockout(clock), ...deps, clock });
  return { clock, authenticator };
}

export function request(parts: Partial<AuthRequest> = {}): AuthRequest {
  return { session: 4711, authid: undefined, authextra: {}, address: '127.0.0.1', channelId: undefined, ...parts };
}

/** The attempt; fails the test where no method was found. */
export function attempted(started: AuthAttempt | AuthStep): AuthAttempt {
  if ('kind' in started) throw new Error(`no attempt but ${JSON.stringify(started)}`);
  return started;
}

/** Lets fake time pass until the answer is there; denials are held back for a while. */
export async function settled(step: AuthStep | Promise<AuthStep>, clock: FakeClock): Promise<AuthStep> {
  let answer: AuthStep | undefined;
  let problem: unknown;
  Promise.resolve(step).then(
    (value) => {
      answer = value;
    },
    (error: unknown) => {
      problem = error;
    },
  );
  while (answer === undefined && problem === undefined) {
    await new Promise((resolve) => setImmediate(resolve));
    // Only what is held back waits for the clock; time stands still while a hash is computed.
    if (answer === undefined && clock.pending > 0) clock.advance(100);
  }
  if (answer === undefined) throw problem;
  return answer;
}

/** The client side of WAMP-CRA and cryptosign as the real autobahn package has it; it brings no types. */
interface AutobahnAuth {
  readonly auth_cra: {
    sign(key: string, challenge: string): string;
    derive_key(secret: string, salt: string, iterations: number, keylen: number): string;
  };
  readonly auth_cryptosign: {
    sign_challenge(pair: { readonly secretKey: Uint8Array }, extra: Dict): string;
  };
}

export const autobahn: AutobahnAuth = createRequire(import.meta.url)('autobahn');

/** A stored scrypt hash that is quick to check. */
export function scryptText(ticket: string, log2N = 4): string {
  const salt = Buffer.from('0123456789abcdef');
  const hash = scryptSync(ticket, salt, 32, { N: 2 ** log2N, r: 8, p: 1 });
  return `scrypt$${log2N}$8$1$${salt.toString('base64')}$${hash.toString('base64')}`;
}
