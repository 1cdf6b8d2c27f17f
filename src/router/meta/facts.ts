/** What the meta API says of a session, subscription or registration, in the words of the specification. */
import { ErrorUri, ProtocolViolation, WampError } from '../../wamp/errors.ts';
import type { Dict } from '../../wamp/payload.ts';
import { MATCHES, type Match } from '../../wamp/uri.ts';
import type { RegistrationFacts, SessionFacts, SubscriptionFacts } from './directory.ts';

export function sessionDetails({ id, identity, transport }: SessionFacts): Dict {
  const { authid, authrole, authmethod, authprovider } = identity;
  const details = { session: id, authid, authrole, authmethod, authprovider };
  return transport === undefined ? details : { ...details, transport };
}

export function subscriptionDetails({ id, created, uri, match }: SubscriptionFacts): Dict {
  return { id, created: new Date(created).toISOString(), uri, match };
}

export function registrationDetails(registration: RegistrationFacts): Dict {
  return { ...subscriptionDetails(registration), invoke: registration.invoke };
}

/** Ids by match policy: the policies of the specification always (PITFALLS 67), globs of bridges where there are any. */
export function idsByMatch(all: Iterable<SubscriptionFacts>): Dict {
  const ids: Partial<Record<Match, number[]>> = Object.fromEntries(MATCHES.map((match) => [match, []]));
  for (const { match, id } of all) {
    ids[match] ??= [];
    ids[match].push(id);
  }
  return ids;
}

/**
 * Reads a dictionary of options that came as an argument, by the reader that reads it in a message.
 * @throws WampError `invalid_argument` where the reader finds a violation
 */
export function optionsOf<T>(options: Dict, read: (options: Dict) => T): T {
  try {
    return read(options);
  } catch (error) {
    if (error instanceof ProtocolViolation) throw new WampError(ErrorUri.INVALID_ARGUMENT, error.message);
    throw error;
  }
}
