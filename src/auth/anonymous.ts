import { randomUUID } from 'node:crypto';
import { denied, PROVIDER, welcome } from './answers.ts';
import type { AuthAttempt, AuthMethod, RealmMethod } from './auth-method.ts';

const CREDENTIAL = 'anonymous';

/** Sessions without a name of their own: the authid is drawn, what the client asks for is not heard (PITFALLS 12). */
export const anonymous: AuthMethod = {
  name: 'anonymous',

  compile(realm): RealmMethod {
    const role = realm.anonymous?.role;
    const attempt: AuthAttempt = {
      begin() {
        if (role === undefined) return denied('anonymous: not allowed in this realm');
        // Node draws these from a pool; asking the system anew for each session costs more than its handshake.
        const authid = `anonymous-${randomUUID().replaceAll('-', '')}`;
        const identity = Object.freeze({ authid, authrole: role, authmethod: 'anonymous', authprovider: PROVIDER });
        return welcome(identity, CREDENTIAL);
      },
      finish: () => denied('anonymous: there is no challenge to answer'),
    };
    return {
      name: 'anonymous',
      allowed: role !== undefined,
      denialMs: 0,
      canStart: () => true,
      suspect: () => '',
      attempt: () => attempt,
      holds: () => false,
    };
  },
};
