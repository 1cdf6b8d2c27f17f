/** Procedures of the spec's "Registration Meta API" (FEATURES B7). */
import { ErrorUri, WampError } from '../../wamp/errors.ts';
import { readRegisterOptions } from '../../wamp/options.ts';
import { idsByMatch, optionsOf, registrationDetails } from './facts.ts';
import { type MetaCall, type MetaContext, type MetaProcedure, takes } from './procedure.ts';

export const REGISTRATION_PROCEDURES: Readonly<Record<string, MetaProcedure>> = {
  'wamp.registration.list': takes(0, (_call, { directory }) => [idsByMatch(directory.registrations())]),
  'wamp.registration.lookup': takes(1, lookup, 2),
  'wamp.registration.match': takes(1, match),
  'wamp.registration.get': takes(1, get),
  'wamp.registration.list_callees': takes(1, (call, context) => [callees(call, context)]),
  'wamp.registration.count_callees': takes(1, (call, context) => [callees(call, context).length]),
};

/** Without options it is the exact registration that is looked up, never a pattern (PITFALLS 67). */
function lookup({ args }: MetaCall, { directory }: MetaContext): readonly unknown[] {
  const options = optionsOf(args.dictionary(1) ?? {}, readRegisterOptions);
  return [directory.registrationOf(args.text(0), options.match)?.id ?? null];
}

function match({ args }: MetaCall, { directory }: MetaContext): readonly unknown[] {
  return [directory.registrationFor(args.text(0))?.id ?? null];
}

function get({ args }: MetaCall, { directory }: MetaContext): readonly unknown[] {
  const id = args.id(0);
  const registration = directory.registration(id);
  if (registration === undefined) throw unknown(id);
  return [registrationDetails(registration)];
}

function callees({ args }: MetaCall, { directory }: MetaContext): readonly number[] {
  const id = args.id(0);
  const ids = directory.callees(id);
  if (ids === undefined) throw unknown(id);
  return ids;
}

function unknown(id: number): WampError {
  return new WampError(ErrorUri.NO_SUCH_REGISTRATION, `no registration ${id}`);
}
