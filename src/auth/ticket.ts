import { randomBytes } from 'node:crypto';
import type { Identity } from '../router/authorizer.ts';
import { denied, LOCKED_OUT, principalIdentity, welcome } from './answers.ts';
import type {
  AuthAttempt,
  AuthMethod,
  AuthRequest,
  AuthStep,
  RealmCredentials,
  RealmMethod,
  Vouch,
} from './auth-method.ts';
import type { Decoys, Shape } from './decoys.ts';
import { credentialName, sameBytes, sealed, sha256 } from './digests.ts';
import { type PrincipalSpec, parseTicketHash, type ScryptHash } from './principals.ts';
import type { SlowHashes } from './slow-hashes.ts';

/** Denials of realms without scrypt take at least this long, of realms with it the second. */
const DENIAL_MS = 100;
const SLOW_DENIAL_MS = 1000;

/** A generated ticket, or one from the environment or a file: held as SHA-256 only. */
interface FastTicket {
  readonly digest: Buffer;
  readonly credential: string;
}

/** A ticket chosen by a human; a check that succeeded is remembered under the process's key. */
interface SlowTicket {
  readonly hash: ScryptHash;
  readonly credential: string;
  proven: Buffer | undefined;
}

/** A principal's tickets, or those of a user that does not exist (`identity` undefined). */
interface Holder {
  readonly identity: Identity | undefined;
  readonly fast: readonly FastTicket[];
  readonly slow: readonly SlowTicket[];
}

/** What checking one principal's ticket costs. */
interface TicketShape extends Shape {
  readonly fast: number;
  readonly slow: readonly ScryptHash[];
}

const NOT_PROVEN = randomBytes(32);
const NO_DIGEST = randomBytes(32);
const WRONG = denied('ticket: wrong ticket, or no such principal');

/** Ticket authentication (FEATURES D3): the secret itself is sent, so it belongs on TLS or loopback. */
export const ticket: AuthMethod = { name: 'ticket', compile: (realm) => new RealmTickets(realm) };

class RealmTickets implements RealmMethod {
  readonly name = 'ticket';
  readonly allowed: boolean;
  readonly denialMs: number;
  readonly #holders = new Map<string, Holder>();
  readonly #shapes = new Map<string, TicketShape>();
  readonly #decoys: Decoys;
  readonly #slowHashes: SlowHashes;

  constructor(realm: RealmCredentials) {
    this.allowed = realm.principals.some((principal) => principal.ticket.length > 0);
    this.#decoys = realm.decoys;
    this.#slowHashes = realm.slowHashes;
    for (const principal of realm.principals) {
      const holder = readTickets(principal, realm);
      if (holder.fast.length + holder.slow.length === 0) continue;
      this.#holders.set(principal.authid, holder);
      const slow = holder.slow.map((each) => each.hash);
      const fast = holder.fast.length;
      const name = [fast, ...slow.map(({ log2N, r, p }) => `${log2N} ${r} ${p}`)].join();
      this.#shapes.set(name, { name, fast, slow });
    }
    this.denialMs = [...this.#shapes.values()].some((shape) => shape.slow.length > 0) ? SLOW_DENIAL_MS : DENIAL_MS;
  }

  canStart(request: AuthRequest): boolean {
    return request.authid !== undefined;
  }

  suspect(request: AuthRequest): string {
    return request.authid ?? '';
  }

  attempt(request: AuthRequest, locked: () => boolean) {
    return {
      begin: (): AuthStep => ({ kind: 'challenge', method: 'ticket', extra: {} }),
      finish: (signature: string) => this.#check(request.authid ?? '', signature, locked),
    };
  }

  stranger(_request: AuthRequest, vouch: Vouch): AuthAttempt {
    return {
      begin: () => ({ kind: 'challenge', method: 'ticket', extra: {} }),
      finish: async (ticket) => {
        if (ticket === '') return denied('ticket: empty');
        const vouching = await vouch({ ticket });
        return vouching.kind === 'vouched' ? vouching.step : vouching;
      },
    };
  }

  holds(principal: string, credential: string): boolean {
    const holder = this.#holders.get(principal);
    if (holder === undefined) return false;
    return [...holder.fast, ...holder.slow].some((each) => each.credential === credential);
  }

  /** Compares with every ticket of the holder, whichever matches (CONTRACT §4, rotation). Any length (PITFALLS 20). */
  #check(authid: string, presented: string, locked: () => boolean): AuthStep | Promise<AuthStep> {
    if (presented === '') return denied('ticket: empty');
    // The decoy is made for everybody, so that a known name costs no less.
    const decoy = this.#decoy(authid);
    const { identity, fast, slow } = this.#holders.get(authid) ?? decoy;
    const digest = sha256(presented);
    const seal = slow.length === 0 ? digest : sealed(digest);
    let matching: string | undefined;
    for (const each of fast) if (sameBytes(digest, each.digest)) matching = each.credential;
    for (const each of slow) if (sameBytes(seal, each.proven ?? NOT_PROVEN)) matching = each.credential;
    if (matching !== undefined && identity !== undefined) return welcome(identity, matching);
    if (slow.length === 0) return WRONG;
    return this.#checkSlow(identity, slow, presented, seal, locked);
  }

  async #checkSlow(
    identity: Identity | undefined,
    slow: readonly SlowTicket[],
    presented: string,
    seal: Buffer,
    locked: () => boolean,
  ): Promise<AuthStep> {
    let matching: string | undefined;
    for (const each of slow) {
      const verdict = await this.#slowHashes.verify(presented, each.hash, locked);
      if (verdict === 'overloaded') return { kind: 'tryLater', reason: 'ticket: too many scrypt checks at once' };
      if (verdict === 'locked') return LOCKED_OUT;
      if (verdict === 'match') {
        matching = each.credential;
        each.proven = seal;
      }
    }
    return matching !== undefined && identity !== undefined ? welcome(identity, matching) : WRONG;
  }

  /** A user that does not exist, or has no ticket, costs what some principal of the realm costs. */
  #decoy(authid: string): Holder {
    const shape = this.#decoys.pick([...this.#shapes.values()], authid);
    const slow = (shape?.slow ?? []).map((hash, at) => ({
      hash: {
        ...hash,
        salt: this.#decoys.bytes(`ticket salt ${at}`, authid, hash.salt.length),
        hash: this.#decoys.bytes(`ticket hash ${at}`, authid, hash.hash.length),
      },
      credential: '',
      proven: undefined,
    }));
    const fast = new Array<FastTicket>(shape?.fast ?? 1).fill({ digest: NO_DIGEST, credential: '' });
    return { identity: undefined, fast, slow };
  }
}

function readTickets(principal: PrincipalSpec, realm: RealmCredentials): Holder {
  const fast: FastTicket[] = [];
  const slow: SlowTicket[] = [];
  const where = `principal "${principal.authid}": ticket`;
  for (const spec of principal.ticket) {
    const stored = 'hash' in spec ? parseTicketHash(spec.hash) : fromSecret(realm.secret(spec, where));
    if (stored === undefined) continue;
    if (typeof stored === 'string') realm.warn(`${where}: ${stored}`);
    else if (stored.kind === 'sha256') {
      fast.push({ digest: stored.digest, credential: credentialName('ticket', stored.digest) });
    } else {
      const { log2N, r, p, salt, hash } = stored;
      const material = Buffer.concat([Buffer.from(`${log2N} ${r} ${p} `), salt, hash]);
      slow.push({ hash: stored, credential: credentialName('ticket', material), proven: undefined });
    }
  }
  return { identity: principalIdentity(principal.authid, principal.role, 'ticket'), fast, slow };
}

function fromSecret(secret: string | undefined): { kind: 'sha256'; digest: Buffer } | undefined {
  return secret === undefined ? undefined : { kind: 'sha256', digest: sha256(secret) };
}
