/**
 * Who is named in EVENT and INVOCATION details (spec: "Publisher Identification", "Caller Identification").
 *
 * Named is who asked for it (`disclose_me`), whom the callee asked for (`disclose_caller`), and whom a rule of the
 * realm file discloses; told are only peers that announced the feature (PITFALLS 13). The router's own sessions are
 * never named (PITFALLS 61).
 */
import { Feature } from '../wamp/features.ts';
import { NO_DETAILS } from '../wamp/messages.ts';
import type { Dict } from '../wamp/payload.ts';
import type { Identity } from './authorizer.ts';
import type { Session } from './session.ts';

/** A publisher or caller, apart from any session object, so that it can be on another node. */
export interface Origin {
  readonly session: number;
  readonly identity: Identity;
}

/** Whether this receiver is to be told who published. */
export function toldOfPublisher(receiver: Session): boolean {
  return receiver.has(Feature.SUBSCRIBER_PUBLISHER_IDENTIFICATION);
}

/** Whether this receiver reads how far a publisher's role is trusted. */
export function toldOfTrust(receiver: Session): boolean {
  return receiver.has(Feature.SUBSCRIBER_PUBLICATION_TRUSTLEVELS);
}

/**
 * EVENT.Details.
 * @param topic the topic published to where the subscription is a pattern (PITFALLS 39), else undefined
 * @param publisher undefined: not disclosed
 * @param trustlevel undefined: not rated, or not told
 * @param retained whether it was published earlier and is sent to whoever asked for it (FEATURES C9)
 */
export function eventDetails(
  topic: string | undefined,
  publisher: Origin | undefined,
  trustlevel: number | undefined,
  retained = false,
): Dict {
  if (topic === undefined && publisher === undefined && trustlevel === undefined && !retained) return NO_DETAILS;
  const details: Record<string, unknown> = {};
  if (topic !== undefined) details.topic = topic;
  if (publisher !== undefined) {
    details.publisher = publisher.session;
    details.publisher_authid = publisher.identity.authid;
    details.publisher_authrole = publisher.identity.authrole;
  }
  if (trustlevel !== undefined) details.trustlevel = trustlevel;
  if (retained) details.retained = true;
  return Object.freeze(details);
}
