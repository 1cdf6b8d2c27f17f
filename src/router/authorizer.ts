import type { Call, Publish } from '../wamp/messages.ts';
import type { Match } from '../wamp/uri.ts';

/** Who a session is, from authentication on; frozen (CONTRACT §4, "Identity"). */
export interface Identity {
  readonly authid: string;
  readonly authrole: string;
  readonly authmethod: string;
  readonly authprovider: string;
  /** Name of the realm file's principal; absent for anonymous sessions and `auth: none`. */
  readonly principal?: string;
}

export type Action = 'call' | 'register' | 'publish' | 'subscribe';

/**
 * What a payload has to show before its message is routed. A decision that has one may be remembered; the check is run
 * for each message.
 */
export interface PayloadCheck {
  /**
   * @param now ms since the epoch
   * @returns what is wrong, for sender and log: it names kwargs, and never says what is in them. undefined: nothing
   */
  judge(who: Identity, message: Publish | Call, now: number): string | undefined;
}

/** The answer to "may this identity do this there?", and the rule that gave it. */
export type Decision =
  | {
      readonly kind: 'allow';
      /** Whether the rules disclose the caller or publisher without being asked (CONTRACT §4, `disclose`). */
      readonly disclose: boolean;
      /** What callees and subscribers are told of the asker's role (FEATURES B6, C4); absent: the realm rates it not. */
      readonly trustlevel?: number | undefined;
      /** Of publications and calls; absent: the payload is nobody's affair. */
      readonly check?: PayloadCheck | undefined;
      /** Whether it is to be written down (CONTRACT §4, `audit`); absent: no. */
      readonly audit?: boolean;
      /** `file:line` of the rules behind it, for `waggle can` and the log. */
      readonly rules: readonly string[];
    }
  | {
      readonly kind: 'deny';
      readonly reason: string;
      /** As above: that it was denied. */
      readonly audit?: boolean;
      readonly rules: readonly string[];
    }
  /** No rule decides, and the role may have the realm's dynamic authorizer asked (CONTRACT §4, `dynamic`). */
  | {
      readonly kind: 'ask';
      /** What the rules say of the three if the answer is yes. */
      readonly disclose: boolean;
      readonly trustlevel?: number | undefined;
      readonly check?: PayloadCheck | undefined;
      /** Whatever the answer is. */
      readonly audit?: boolean;
      readonly rules: readonly string[];
    };

/** Synchronous by contract, so that order needs no code (ARCHITECTURE §1.5). Implemented by acl/. */
export interface Authorizer {
  /**
   * @param uri already valid under `match`. For `call` and `publish` match is `exact`; for a pattern the answer is
   *   about everything the pattern may ever match (CONTRACT §4, containment).
   */
  authorize(who: Identity, action: Action, uri: string, match: Match): Decision;
}
