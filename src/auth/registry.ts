import { anonymous } from './anonymous.ts';
import type { AuthMethod, AuthRequest, RealmMethod } from './auth-method.ts';
import { clientCertificate } from './client-certificate.ts';
import { cryptosign } from './cryptosign.ts';
import { scram, wampScram } from './scram.ts';
import { ticket } from './ticket.ts';
import { wampcra } from './wampcra.ts';

/** Every method there is; a new one is one more line. */
export const AUTH_METHODS: readonly AuthMethod[] = [
  anonymous,
  ticket,
  wampcra,
  wampScram,
  scram,
  cryptosign,
  clientCertificate,
];

/** What a HELLO without authmethods means (PITFALLS 14). */
const UNSAID: readonly string[] = ['anonymous'];

/**
 * The first method, in the client's order, that the realm allows and that can start from this HELLO (PITFALLS 14).
 * @param dynamic whether somebody is asked about those whom the realm file does not know; the choice depends on that
 *   for everybody, or it would tell who is known
 * @param offered HELLO.Details.authmethods; an empty list says as little as none.
 */
export function chooseMethod(
  methods: ReadonlyMap<string, RealmMethod>,
  offered: readonly string[] | undefined,
  request: AuthRequest,
  dynamic = false,
): RealmMethod | undefined {
  for (const name of offered === undefined || offered.length === 0 ? UNSAID : offered) {
    const method = methods.get(name);
    if (method === undefined || !method.canStart(request)) continue;
    if (method.allowed || (dynamic && method.stranger !== undefined)) return method;
  }
  return undefined;
}
