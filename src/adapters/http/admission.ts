/** Who a request is from: a principal by its ticket, or anybody where the realm lets anybody in. */
import type { IncomingMessage } from 'node:http';
import type { AuthStep } from '../../auth/auth-method.ts';
import type { Member } from '../../router/session.ts';
import type { Arrival } from '../../transports/transport.ts';
import { ErrorUri } from '../../wamp/errors.ts';
import { Feature } from '../../wamp/features.ts';
import type { AdapterContext, RealmHost } from '../adapter.ts';
import { type Token, tokenOf } from '../token.ts';
import { NOT_THERE, type Problem } from './answers.ts';

export interface Admitted {
  readonly host: RealmHost;
  readonly member: Member;
  /** Whose requests are counted together: the principal, or the address of whoever is none. */
  readonly party: string;
}

/** What a request can do as a member of a realm. */
const FEATURES =
  Feature.PUBLISHER |
  Feature.CALLER |
  Feature.SUBSCRIBER |
  Feature.SUBSCRIBER_PUBLISHER_IDENTIFICATION |
  Feature.SUBSCRIBER_PUBLICATION_TRUSTLEVELS |
  Feature.SUBSCRIBER_REVOCATION;

/** What all failures of authentication say (CONTRACT §4, "Failures"). */
const DENIED = 'authentication failed';
const HOW =
  'a token is needed here: "Authorization: Basic base64(authid:ticket)", or "Bearer ticket" with X-Waggle-Authid';

/** Never rejects. */
export async function admit(
  context: AdapterContext,
  realmName: string,
  request: IncomingMessage,
  from: Arrival,
): Promise<Admitted | Problem> {
  const host = context.realm(realmName);
  if (host === undefined) return noRealm(realmName);
  const token = tokenOf({ headers: request.headers, url: request.url ?? '' });
  // A token that cannot be read is a wrong one: whoever shows one must not become a stranger in silence.
  const isToken = token !== undefined || request.headers.authorization !== undefined;
  let step: AuthStep;
  try {
    step = isToken ? await byTicket(host, token, from) : await anonymously(host, from);
  } catch (error) {
    context.log.warn({ err: error, realm: realmName }, 'authentication could not be carried out');
    return { ...NOT_THERE, detail: 'authentication is not available' };
  }
  if (step.kind === 'tryLater') return { ...NOT_THERE, detail: step.reason };
  if (step.kind !== 'welcome') {
    const reason = step.kind === 'deny' ? step.reason : 'a challenge';
    context.log.info(
      { realm: realmName, authid: token?.authid, address: from.address, reason },
      'authentication denied',
    );
    return isToken
      ? unauthenticated(realmName, ErrorUri.AUTHENTICATION_DENIED, DENIED)
      : unauthenticated(realmName, ErrorUri.AUTHENTICATION_REQUIRED, HOW);
  }
  const { identity, credential } = step;
  // Reload may have swapped or removed the realm while a slow check ran.
  const outdated = refusalNow(context, realmName, host, { identity, credential });
  if (outdated !== undefined) return outdated;
  const transport = Object.freeze({ type: 'http', protocol: 'gateway', secure: from.secure });
  const member = { identity, credential, features: FEATURES, bridged: true, id: context.newSessionId(), transport };
  const { principal } = identity;
  const party =
    principal === undefined ? `${realmName} anonymous ${from.address}` : `${realmName} principal ${principal}`;
  return { host, member, party };
}

/** What the configuration in force says to somebody who was admitted a while ago; undefined: nothing has changed. */
export function refusalNow(
  context: AdapterContext,
  realmName: string,
  { realm }: RealmHost,
  { identity, credential = '' }: Pick<Member, 'identity' | 'credential'>,
): Problem | undefined {
  const present = context.realm(realmName);
  if (present?.realm !== realm) return NOT_THERE;
  switch (present.authenticator.judge(identity, credential)) {
    case 'keep':
      return undefined;
    case 'roleChanged':
      return { ...NOT_THERE, detail: 'the role changed meanwhile' };
    case 'gone':
      return unauthenticated(realmName, ErrorUri.AUTHENTICATION_DENIED, DENIED);
  }
}

function byTicket(host: RealmHost, token: Token | undefined, from: Arrival): AuthStep | Promise<AuthStep> {
  if (token !== undefined) return host.authenticator.authenticateTicket(token.authid, token.ticket, from.address);
  return { kind: 'deny', uri: ErrorUri.AUTHENTICATION_DENIED, reason: 'no usable Authorization header' };
}

function anonymously({ authenticator }: RealmHost, from: Arrival): AuthStep | Promise<AuthStep> {
  const request = { session: 0, authid: undefined, authextra: {}, address: from.address, channelId: undefined };
  const started = authenticator.attempt({ authmethods: ['anonymous'] }, request);
  return 'kind' in started ? started : started.begin();
}

/** Characters of a realm's name that are repeated to whoever asked for it. */
const SHOWN_REALM = 200;

function noRealm(name: string): Problem {
  const detail = `no realm ${JSON.stringify(name.slice(0, SHOWN_REALM))} here`;
  return { status: 404, uri: ErrorUri.NO_SUCH_REALM, detail };
}

function unauthenticated(realmName: string, uri: string, detail: string): Problem {
  // It names a realm that exists, so nothing of the request's own gets into the header but what a name may hold.
  const shown = encodeURIComponent(realmName);
  return { status: 401, uri, detail, headers: { 'WWW-Authenticate': `Basic realm="${shown}", charset="UTF-8"` } };
}
