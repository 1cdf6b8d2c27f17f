/** Who a peer is: its clientId, under the role of its principal or, where no token is asked for, of `bub.roles`. */
import { WITHOUT_TOKEN } from '../../acl/names.ts';
import type { AuthStep } from '../../auth/auth-method.ts';
import type { Member } from '../../router/session.ts';
import type { LinkInfo } from '../../transports/link.ts';
import { Feature } from '../../wamp/features.ts';
import type { AdapterContext, BridgeContext, RealmHost } from '../adapter.ts';

export type Admission =
  | { readonly kind: 'welcome'; readonly host: RealmHost; readonly member: Member }
  /** `final`: the token is wrong, so the connection ends (CONTRACT §6). `reason` is for the log. */
  | { readonly kind: 'refuse'; readonly message: string; readonly reason: string; readonly final: boolean }
  | { readonly kind: 'tryLater'; readonly message: string };

/** What a Bub peer can do as a member of a realm. */
const FEATURES =
  Feature.PUBLISHER |
  Feature.SUBSCRIBER |
  Feature.CALLER |
  Feature.CALLEE |
  Feature.SUBSCRIBER_PUBLISHER_IDENTIFICATION |
  Feature.SUBSCRIBER_REVOCATION |
  Feature.CALLEE_CALL_CANCELING |
  Feature.CALLEE_CALLER_IDENTIFICATION |
  Feature.CALLEE_REVOCATION;

/** What all failures of authentication say (CONTRACT §4, "Failures"). */
const DENIED = 'authentication failed';

const NO_REALM: Admission = { kind: 'tryLater', message: 'the realm is not there' };

export function admit(context: AdapterContext, info: LinkInfo, clientId: string): Admission | Promise<Admission> {
  const { bridge } = context;
  const host = bridge === undefined ? undefined : context.realm(bridge.realm);
  if (bridge === undefined || host === undefined) return NO_REALM;
  return bridge.auth === 'none'
    ? admitFree(context, bridge, host, clientId)
    : admitByTicket(context, bridge, host, info, clientId);
}

function admitFree(context: AdapterContext, bridge: BridgeContext, host: RealmHost, clientId: string): Admission {
  const names = bridge.rules()?.names;
  if (names === undefined) return NO_REALM;
  if (names.isTaken(clientId)) return refused('it belongs to a principal and needs its token');
  const role = names.role('bub', clientId);
  if (role === undefined) return refused('no role of the realm is for it');
  const identity = Object.freeze({ authid: clientId, authrole: role, authmethod: WITHOUT_TOKEN, authprovider: 'bub' });
  return { kind: 'welcome', host, member: { identity, features: FEATURES, bridged: true, id: context.newSessionId() } };
}

async function admitByTicket(
  context: AdapterContext,
  bridge: BridgeContext,
  host: RealmHost,
  info: LinkInfo,
  clientId: string,
): Promise<Admission> {
  const token = tokenOf(info);
  if (token === undefined) return failed('no usable Authorization header');
  let step: AuthStep;
  try {
    step = await host.authenticator.authenticateTicket(token.authid, token.ticket, info.address);
  } catch (error) {
    context.log.warn({ err: error, realm: bridge.realm }, 'authentication could not be carried out');
    return { kind: 'tryLater', message: 'authentication is not available' };
  }
  if (step.kind === 'tryLater') return { kind: 'tryLater', message: step.reason };
  if (step.kind !== 'welcome') return failed(step.kind === 'deny' ? step.reason : 'a challenge');
  // Reload may have swapped or removed the realm while a slow check ran.
  const present = context.realm(bridge.realm);
  if (present?.realm !== host.realm) return NO_REALM;
  if (present.authenticator.judge(step.identity, step.credential) !== 'keep') return failed('the credential is gone');
  const { principal } = step.identity;
  if (principal === undefined || bridge.rules()?.names.mayTake(principal, 'bub', clientId) !== true) {
    return refused('the principal may not take it');
  }
  const identity = Object.freeze({ ...step.identity, authid: clientId });
  const member = {
    identity,
    features: FEATURES,
    bridged: true,
    id: context.newSessionId(),
    credential: step.credential,
  };
  return { kind: 'welcome', host: present, member };
}

function refused(reason: string): Admission {
  return { kind: 'refuse', message: `clientId: ${reason}`, reason, final: false };
}

function failed(reason: string): Admission {
  return { kind: 'refuse', message: DENIED, reason, final: true };
}

/**
 * The token of the upgrade request: `Authorization: Basic base64(authid:ticket)`, or `Bearer ticket` with
 * `X-Waggle-Authid` or `?authid=` (BRIDGES, intro).
 */
export function tokenOf({ headers, url }: LinkInfo): { readonly authid: string; readonly ticket: string } | undefined {
  const { authorization, 'x-waggle-authid': header } = headers;
  const found = typeof authorization === 'string' ? /^(basic|bearer) +(\S+) *$/i.exec(authorization) : null;
  const [, scheme = '', value = ''] = found ?? [];
  if (scheme.toLowerCase() === 'basic') {
    const text = Buffer.from(value, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    return colon < 1 ? undefined : { authid: text.slice(0, colon), ticket: text.slice(colon + 1) };
  }
  const query = url?.includes('?') === true ? new URLSearchParams(url.slice(url.indexOf('?'))).get('authid') : null;
  const authid = typeof header === 'string' ? header : query;
  return value === '' || authid === null || authid === '' ? undefined : { authid, ticket: value };
}
