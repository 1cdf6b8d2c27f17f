/** Procedures of the spec's "Session Meta API" (FEATURES D1). */
import { type CloseReason, CloseUri, ErrorUri, WampError } from '../../wamp/errors.ts';
import { isValidUri } from '../../wamp/uri.ts';
import type { Arguments } from './arguments.ts';
import type { Directory, SessionFacts } from './directory.ts';
import { sessionDetails } from './facts.ts';
import { type MetaCall, type MetaContext, type MetaProcedure, takes } from './procedure.ts';

export const SESSION_PROCEDURES: Readonly<Record<string, MetaProcedure>> = {
  'wamp.session.count': takes(0, ({ args }, { directory }) => [ofRoles(directory, args.texts(0)).length], 1),
  'wamp.session.list': takes(0, ({ args }, { directory }) => [ofRoles(directory, args.texts(0))], 1),
  'wamp.session.get': takes(1, ({ args }, { directory }) => [sessionDetails(known(directory, args.id(0)))]),
  'wamp.session.kill': takes(1, kill),
  'wamp.session.kill_by_authid': takes(1, killByAuthid),
  'wamp.session.kill_by_authrole': takes(1, killByAuthrole),
  'wamp.session.kill_all': takes(0, killAll),
};

function ofRoles(directory: Directory, roles: readonly string[] | undefined): readonly number[] {
  const wanted = roles === undefined ? undefined : new Set(roles);
  return idsWhere(directory, ({ identity }) => wanted === undefined || wanted.has(identity.authrole));
}

function known(directory: Directory, id: number): SessionFacts {
  const session = directory.session(id);
  if (session === undefined) throw new WampError(ErrorUri.NO_SUCH_SESSION, `no session ${id}`);
  return session;
}

function kill({ caller, args }: MetaCall, { directory, kill }: MetaContext): readonly unknown[] {
  const id = args.id(0);
  const reason = closeReason(args);
  // No *other* session has the caller's id (PITFALLS 68).
  if (id === caller.id) throw new WampError(ErrorUri.NO_SUCH_SESSION, `no session ${id} other than the caller's own`);
  kill([known(directory, id).id], reason, false);
  return [];
}

function killByAuthid({ caller, args }: MetaCall, { directory, kill }: MetaContext): readonly unknown[] {
  const authid = args.text(0);
  const victims = idsWhere(directory, (each) => each.identity.authid === authid && each.id !== caller.id);
  kill(victims, closeReason(args), false);
  return [victims];
}

function killByAuthrole({ caller, args }: MetaCall, { directory, kill }: MetaContext): readonly unknown[] {
  const authrole = args.text(0);
  const victims = idsWhere(directory, (each) => each.identity.authrole === authrole && each.id !== caller.id);
  kill(victims, closeReason(args), false);
  return [victims.length];
}

/** Nobody remains who could be told, so nobody is: no session meta events, no testaments (PITFALLS 70). */
function killAll({ caller, args }: MetaCall, { directory, kill }: MetaContext): readonly unknown[] {
  const victims = idsWhere(directory, (each) => each.id !== caller.id);
  kill(victims, closeReason(args), true);
  return [victims.length];
}

function idsWhere(directory: Directory, wanted: (session: SessionFacts) => boolean): number[] {
  const ids: number[] = [];
  for (const session of directory.sessions()) if (wanted(session)) ids.push(session.id);
  return ids;
}

/** A final answer: stock clients do not come back after it (CONTRACT §6). */
function closeReason(args: Arguments): CloseReason {
  const uri = args.named('reason') ?? CloseUri.KILLED;
  if (typeof uri !== 'string' || !isValidUri(uri, 'exact', false)) {
    throw new WampError(ErrorUri.INVALID_URI, 'reason: URI expected');
  }
  return { how: 'goodbye', uri, message: args.namedText('message') ?? '' };
}
