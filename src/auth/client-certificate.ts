import type { Identity } from '../router/authorizer.ts';
import { denied, principalIdentity, welcome } from './answers.ts';
import type { AuthAttempt, AuthMethod, AuthRequest, AuthStep, RealmCredentials, RealmMethod } from './auth-method.ts';

interface Holder {
  readonly identity: Identity;
  /** SHA-256 of certificates, lower-case hex. */
  readonly certificates: ReadonlySet<string>;
}

/**
 * The certificate that the client has shown in the TLS handshake (FEATURES D7; spec: "TLS Certificate Authentication").
 * TLS has proven that the client holds its key and that `clientCa` of the listener has signed it, so nothing is asked.
 */
export const clientCertificate: AuthMethod = { name: 'tls', compile: (realm) => new RealmCertificates(realm) };

class RealmCertificates implements RealmMethod {
  readonly name = 'tls';
  readonly allowed: boolean;
  readonly denialMs = 0;
  readonly #holders = new Map<string, Holder>();
  readonly #owners = new Map<string, Holder>();

  constructor(realm: RealmCredentials) {
    this.allowed = realm.principals.some((principal) => principal.tls.length > 0);
    for (const { authid, role, tls } of realm.principals) {
      if (tls.length === 0) continue;
      const certificates = new Set(tls.map(fingerprintOf));
      const holder: Holder = { identity: principalIdentity(authid, role, 'tls'), certificates };
      this.#holders.set(authid, holder);
      for (const certificate of certificates) {
        const first = this.#owners.get(certificate);
        if (first === undefined) this.#owners.set(certificate, holder);
        else {
          const name = first.identity.authid;
          realm.warn(`principal "${authid}": tls: the certificate of "${name}" too; without authid it means "${name}"`);
        }
      }
    }
  }

  canStart(request: AuthRequest): boolean {
    return request.certificate !== undefined;
  }

  suspect(request: AuthRequest): string {
    return request.authid ?? `tls ${request.certificate}`;
  }

  attempt({ authid, certificate = '' }: AuthRequest): AuthAttempt {
    return {
      begin: (): AuthStep => {
        const holder = authid === undefined ? this.#owners.get(certificate) : this.#holders.get(authid);
        if (holder?.certificates.has(certificate) !== true) {
          return denied(`tls: the certificate ${certificate} is not one of the principal`);
        }
        return welcome(holder.identity, `tls:${certificate}`);
      },
      finish: () => denied('tls: there is no challenge to answer'),
    };
  }

  holds(principal: string, credential: string): boolean {
    return this.#holders.get(principal)?.certificates.has(credential.slice('tls:'.length)) ?? false;
  }
}

/** As `openssl x509 -fingerprint -sha256` prints it, or without the colons. */
function fingerprintOf(text: string): string {
  return text.replaceAll(':', '').toLowerCase();
}
