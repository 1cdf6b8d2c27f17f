import type { Dict } from './payload.ts';

/** What the router does, as WELCOME says it: announced exactly as built (FEATURES, announcement rule). */
export const ROUTER_ROLES: Dict = deepFreeze({
  broker: {
    features: {
      event_history: true,
      event_retention: true,
      pattern_based_subscription: true,
      payload_passthru_mode: true,
      publication_trustlevels: true,
      publisher_exclusion: true,
      publisher_identification: true,
      session_meta_api: true,
      subscriber_blackwhite_listing: true,
      subscription_meta_api: true,
      subscription_revocation: true,
    },
  },
  dealer: {
    features: {
      call_canceling: true,
      call_reroute: true,
      call_timeout: true,
      call_trustlevels: true,
      caller_identification: true,
      pattern_based_registration: true,
      payload_passthru_mode: true,
      progressive_call_invocations: true,
      progressive_call_results: true,
      registration_meta_api: true,
      registration_revocation: true,
      session_meta_api: true,
      shared_registration: true,
      testament_meta_api: true,
    },
  },
});

/** What a peer announced in HELLO, one bit each: the facts that rules of the core depend on. */
export const Feature = {
  PUBLISHER: 1 << 0,
  SUBSCRIBER: 1 << 1,
  CALLER: 1 << 2,
  CALLEE: 1 << 3,
  SUBSCRIBER_PUBLISHER_IDENTIFICATION: 1 << 4,
  SUBSCRIBER_REVOCATION: 1 << 5,
  CALLER_PROGRESSIVE_RESULTS: 1 << 6,
  CALLEE_CALL_CANCELING: 1 << 7,
  CALLEE_CALL_TIMEOUT: 1 << 8,
  CALLEE_CALLER_IDENTIFICATION: 1 << 9,
  CALLEE_PROGRESSIVE_RESULTS: 1 << 10,
  CALLEE_REVOCATION: 1 << 11,
  CALLEE_CALL_TRUSTLEVELS: 1 << 12,
  SUBSCRIBER_PUBLICATION_TRUSTLEVELS: 1 << 13,
  CALLER_PROGRESSIVE_INVOCATIONS: 1 << 14,
  CALLEE_PROGRESSIVE_INVOCATIONS: 1 << 15,
  PUBLISHER_PASSTHRU: 1 << 16,
  SUBSCRIBER_PASSTHRU: 1 << 17,
  CALLER_PASSTHRU: 1 << 18,
  CALLEE_PASSTHRU: 1 << 19,
} as const;

/** Every feature and role: for a peer in this process that understands whatever the core can send. */
export const ALL_FEATURES = (1 << 20) - 1;

const ROLE_BITS: Readonly<Record<string, number>> = {
  publisher: Feature.PUBLISHER,
  subscriber: Feature.SUBSCRIBER,
  caller: Feature.CALLER,
  callee: Feature.CALLEE,
};

const FEATURE_BITS: Readonly<Record<string, number>> = {
  'publisher.payload_passthru_mode': Feature.PUBLISHER_PASSTHRU,
  'subscriber.payload_passthru_mode': Feature.SUBSCRIBER_PASSTHRU,
  'subscriber.publication_trustlevels': Feature.SUBSCRIBER_PUBLICATION_TRUSTLEVELS,
  'subscriber.publisher_identification': Feature.SUBSCRIBER_PUBLISHER_IDENTIFICATION,
  'subscriber.subscription_revocation': Feature.SUBSCRIBER_REVOCATION,
  'caller.payload_passthru_mode': Feature.CALLER_PASSTHRU,
  'caller.progressive_call_invocations': Feature.CALLER_PROGRESSIVE_INVOCATIONS,
  'caller.progressive_call_results': Feature.CALLER_PROGRESSIVE_RESULTS,
  'callee.call_canceling': Feature.CALLEE_CALL_CANCELING,
  // The spec's text misspells it once, and clients copied that (PITFALLS §11).
  'callee.call_cancelling': Feature.CALLEE_CALL_CANCELING,
  'callee.call_timeout': Feature.CALLEE_CALL_TIMEOUT,
  'callee.call_trustlevels': Feature.CALLEE_CALL_TRUSTLEVELS,
  'callee.caller_identification': Feature.CALLEE_CALLER_IDENTIFICATION,
  'callee.payload_passthru_mode': Feature.CALLEE_PASSTHRU,
  'callee.progressive_call_invocations': Feature.CALLEE_PROGRESSIVE_INVOCATIONS,
  'callee.progressive_call_results': Feature.CALLEE_PROGRESSIVE_RESULTS,
  'callee.registration_revocation': Feature.CALLEE_REVOCATION,
};

/**
 * Reads `HELLO.Details.roles`. Unknown roles and features are ignored; a role may be `{}` (PITFALLS 10).
 * @returns the bits of {@link Feature}; 0 where no known role was announced, which is a protocol violation.
 */
export function readFeatures(roles: Dict): number {
  let bits = 0;
  for (const [role, roleBit] of Object.entries(ROLE_BITS)) {
    if (!Object.hasOwn(roles, role)) continue;
    const announced = roles[role];
    if (!isDict(announced)) continue;
    bits |= roleBit;
    const features = announced.features;
    if (!isDict(features)) continue;
    for (const key of Object.keys(features)) {
      if (features[key] === true) bits |= FEATURE_BITS[`${role}.${key}`] ?? 0;
    }
  }
  return bits;
}

/** Whether `value` is a dictionary: an object that is no array, no binary. */
export function isDict(value: unknown): value is Dict {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !ArrayBuffer.isView(value);
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) deepFreeze(inner);
  return Object.freeze(value);
}
