/**
 * Who a peer of a bridge is: the name it gives itself, under the role of its principal or, where no token is asked for, of the
 * realm file's `bub.roles` or `relay.roles`.
 */
import { type BridgeKind, WITHOUT_TOKEN } from '../acl/names.ts';
import type { AuthStep } from '../auth/auth-method.ts';
import type { Identity } from '../router/authorizer.ts';
import type { Member } from '../router/session.ts';
import type { LinkInfo } from '../transports/link.ts';
import { Feature } from '../wamp/features.ts';
import type { AdapterContext, BridgeContext, RealmHost } from './adapter.ts';
import { tokenOf } from './token.ts';

export type Admission =
  | { readonly kind: 'welcome'; readonly host: RealmHost; readonly member: Member }
  /** `reason` is for the log; `message` is for the peer: about its name or, where `final`, about its token. */
  | {
      readonly kind: 'refuse';
      readonly message: string;
      readonly reason: string;
      /** The token is wrong, so the connection ends (CONTRACT §6). */
      readonly final: boolean;
    }
  | { readonly kind: 'tryLater'; readonly message: string };

/** What a peer of a bridge can do as a member of a realm. */
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

/** @param name what it asks to be called; without a token also who it is */
export function admit(
  context: AdapterContext,
  info: LinkInfo,
  kind: BridgeKind,
  name: string,
): Admission | Promise<Admission> {
  const { bridge } = context;
  const host = bridge === undefined ? undefined : context.realm(bridge.realm);
  if (bridge === undefined || host === undefined) return NO_REALM;
  return bridge.auth === 'none'
    ? admitFree(context, bridge, host, kind, name)
    : admitByTicket(context, bridge, host, info, kind, name);
}

function admitFree(
  context: AdapterContext,
  bridge: BridgeContext,
  host: RealmHost,
  kind: BridgeKind,
  name: string,
): Admission {
  const names = bridge.rules()?.names;
  if (names === undefined) return NO_REALM;
  if (names.isTaken(name)) return refused('it belongs to a principal and needs its token');
  const role = names.role(kind, name);
  if (role === undefined) return refused('no role of the realm is for it');
  const identity = Object.freeze({ authid: name, authrole: role, authmethod: WITHOUT_TOKEN, authprovider: kind });
  return { kind: 'welcome', host, member: { identity, features: FEATURES, bridged: true, id: context.newSessionId() } };
}

async function admitByTicket(
  context: AdapterContext,
  bridge: BridgeContext,
  host: RealmHost,
  info: LinkInfo,
  kind: BridgeKind,
  name: string,
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
  if (!mayTake(step.identity, kind, name, bridge)) return refused('the principal may not take it');
  const identity = Object.freeze({ ...step.identity, authid: name });
  const member = {
    identity,
    features: FEATURES,
    bridged: true,
    id: context.newSessionId(),
    credential: step.credential,
  };
  return { kind: 'welcome', host: present, member };
}

/** Whom the authenticator of the realm vouched for has the name it was given, unless that is somebody else's. */
function mayTake({ principal, authid }: Identity, kind: BridgeKind, name: string, bridge: BridgeContext): boolean {
  const names = bridge.rules()?.names;
  if (names === undefined) return false;
  if (principal !== undefined) return names.mayTake(principal, kind, name);
  return name === authid && !names.isTaken(name);
}

function refused(reason: string): Admission {
  return { kind: 'refuse', message: reason, reason, final: false };
}

function failed(reason: string): Admission {
  return { kind: 'refuse', message: DENIED, reason, final: true };
}
