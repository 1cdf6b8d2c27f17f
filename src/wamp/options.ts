/**
 * Typed readers of the Options and Details dictionaries: the one place where option names and types stand.
 *
 * Unknown keys are ignored; a known key of the wrong type is a protocol violation that names message and key
 * (PITFALLS 26, 27). Keys of features that are not announced are checked all the same, so that a mistake is not
 * accepted today and refused tomorrow.
 */
import { ProtocolViolation } from './errors.ts';
import { isDict } from './features.ts';
import { isId } from './ids.ts';
import type { Dict } from './payload.ts';
import { MATCHES, type Match } from './uri.ts';

export type CancelMode = 'skip' | 'kill' | 'killnowait';
/** The last two are our own. */
export type InvokePolicy = 'single' | 'first' | 'last' | 'roundrobin' | 'random' | 'least_loaded' | 'hash';

export const INVOKE_POLICIES: readonly InvokePolicy[] = [
  'single',
  'first',
  'last',
  'roundrobin',
  'random',
  'least_loaded',
  'hash',
];
/** The first one says that the mode is in use. */
export const PASSTHRU_KEYS = ['ppt_scheme', 'ppt_serializer', 'ppt_cipher', 'ppt_keyid'] as const;
const CANCEL_MODES: readonly CancelMode[] = ['skip', 'kill', 'killnowait'];

/** Black and white lists of a publication (FEATURES C1); an absent list is undefined, an empty one counts. */
export interface ReceiverLists {
  readonly exclude: readonly number[] | undefined;
  readonly excludeAuthid: readonly string[] | undefined;
  readonly excludeAuthrole: readonly string[] | undefined;
  readonly eligible: readonly number[] | undefined;
  readonly eligibleAuthid: readonly string[] | undefined;
  readonly eligibleAuthrole: readonly string[] | undefined;
}

/** What a payload's sender says of it, the keys as on the wire, in payload passthru mode (FEATURES D10). Frozen. */
export type Passthru = Readonly<Record<string, string>>;

export interface PublishOptions {
  readonly acknowledge: boolean;
  /** Default true: the publisher does not get its own event (PITFALLS 35). */
  readonly excludeMe: boolean;
  readonly discloseMe: boolean;
  /** Later subscribers may ask for it (FEATURES C9). */
  readonly retain: boolean;
  /** undefined: the publication names no receivers, the common case, which then costs one comparison. */
  readonly receivers: ReceiverLists | undefined;
  /** undefined: an ordinary payload. */
  readonly passthru: Passthru | undefined;
}

export interface SubscribeOptions {
  readonly match: Match;
  /** Retained events are to be sent, too (FEATURES C9). */
  readonly getRetained: boolean;
}

export interface RegisterOptions {
  readonly match: Match;
  readonly invoke: InvokePolicy;
  readonly discloseCaller: boolean;
  /** Takes the procedure over: all callees it has are revoked (FEATURES B10). */
  readonly forceReregister: boolean;
  /** The callee runs the call's timeout itself (FEATURES B3). */
  readonly forwardTimeout: boolean;
  /** How many calls this callee works on at a time; 0: any number (FEATURES B10). */
  readonly concurrency: number;
  /** How many calls may wait while all callees are busy, 0 … 10,000; that of the first callee counts. */
  readonly queue: number;
  /** Internal, never read from the wire: see `Dealer` on weak registrations (ARCHITECTURE §1.4). */
  readonly weak: boolean;
}

export interface CallOptions {
  /** Milliseconds; 0: none asked. Capped at 2^31-1, the longest a timer runs (PITFALLS 58). */
  readonly timeout: number;
  readonly receiveProgress: boolean;
  readonly discloseMe: boolean;
  /** Routing key of the policy `hash`; undefined: none, and the calls of a session stay together. */
  readonly rkey: string | undefined;
  /** Further parts of the call follow under its id (FEATURES B2). */
  readonly progress: boolean;
  /** undefined: an ordinary payload. */
  readonly passthru: Passthru | undefined;
}

export interface YieldOptions {
  /** Further results follow (FEATURES B1). */
  readonly progress: boolean;
  /** undefined: an ordinary payload. */
  readonly passthru: Passthru | undefined;
}

const DEFAULT_QUEUE = 100;
const MAX_QUEUE = 10_000;

export const PUBLISH_DEFAULTS: PublishOptions = Object.freeze({
  acknowledge: false,
  excludeMe: true,
  discloseMe: false,
  retain: false,
  receivers: undefined,
  passthru: undefined,
});
export const SUBSCRIBE_DEFAULTS: SubscribeOptions = Object.freeze({ match: 'exact', getRetained: false });
export const REGISTER_DEFAULTS: RegisterOptions = Object.freeze({
  match: 'exact',
  invoke: 'single',
  discloseCaller: false,
  forceReregister: false,
  forwardTimeout: false,
  concurrency: 0,
  queue: DEFAULT_QUEUE,
  weak: false,
});
export const CALL_DEFAULTS: CallOptions = Object.freeze({
  timeout: 0,
  receiveProgress: false,
  discloseMe: false,
  rkey: undefined,
  progress: false,
  passthru: undefined,
});
export const YIELD_DEFAULTS: YieldOptions = Object.freeze({ progress: false, passthru: undefined });

const MAX_TIMEOUT_MS = 2 ** 31 - 1;

function wrong(where: string, key: string, expected: string): ProtocolViolation {
  return new ProtocolViolation(`${where}.${key}: ${expected} expected`);
}

/** Own keys only: a key called `__proto__` or `constructor` must read as any other. */
function own(dict: Dict, key: string): unknown {
  return Object.hasOwn(dict, key) ? dict[key] : undefined;
}

function bool(dict: Dict, key: string, where: string, otherwise: boolean): boolean {
  const value = own(dict, key);
  if (value === undefined) return otherwise;
  if (typeof value !== 'boolean') throw wrong(where, key, 'boolean');
  return value;
}

export function text(dict: Dict, key: string, where: string): string | undefined {
  const value = own(dict, key);
  if (value === undefined) return undefined;
  if (typeof value !== 'string') throw wrong(where, key, 'string');
  return value;
}

function oneOf<T extends string>(dict: Dict, key: string, where: string, allowed: readonly T[], otherwise: T): T {
  const value = own(dict, key);
  if (value === undefined) return otherwise;
  const known = allowed.find((each) => each === value);
  if (known === undefined) throw wrong(where, key, `one of ${allowed.join(', ')}`);
  return known;
}

function nonNegative(dict: Dict, key: string, where: string, otherwise: number): number {
  const value = own(dict, key);
  if (value === undefined) return otherwise;
  const number = typeof value === 'bigint' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isInteger(number) || number < 0) {
    throw wrong(where, key, 'non-negative integer');
  }
  return number;
}

function listOf<T>(
  dict: Dict,
  key: string,
  where: string,
  isItem: (value: unknown) => value is T,
  what: string,
): readonly T[] | undefined {
  const value = own(dict, key);
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || !value.every(isItem)) throw wrong(where, key, `list of ${what}`);
  return value;
}

const isString = (value: unknown): value is string => typeof value === 'string';

const isInteger = (value: unknown): value is number | bigint => typeof value === 'bigint' || Number.isInteger(value);

/** Session ids in lists may be any integer: unknown ones, beyond 2^53 too, are ignored (PITFALLS 37). */
function sessionIds(dict: Dict, key: string, where: string): readonly number[] | undefined {
  const ids = listOf(dict, key, where, isInteger, 'session ids');
  return ids?.filter((id) => typeof id === 'number');
}

export function stringList(dict: Dict, key: string, where: string): readonly string[] | undefined {
  return listOf(dict, key, where, isString, 'strings');
}

export function dictionary(dict: Dict, key: string, where: string): Dict | undefined {
  const value = own(dict, key);
  if (value === undefined) return undefined;
  if (!isDict(value)) throw wrong(where, key, 'dictionary');
  return value;
}

function isEmpty(dict: Dict): boolean {
  for (const _ in dict) return false;
  return true;
}

/** Keys of router-to-router links: no client's business, but their shape is checked (wamp-proto's vectors). */
function checkForwarding(options: Dict, where: string): void {
  const hops = listOf(options, 'forward_for', where, isDict, 'dictionaries');
  for (const hop of hops ?? []) {
    if (!isId(own(hop, 'session'))) throw wrong(where, 'forward_for', 'session id in each dictionary');
    text(hop, 'authid', `${where}.forward_for`);
    text(hop, 'authrole', `${where}.forward_for`);
  }
  text(options, 'transaction_hash', where);
}

/** The retired payload transparency would make args something else than a list; it is refused, not misread. */
function refuseEncAlgo(options: Dict, where: string): void {
  for (const key of ['enc_algo', 'enc_serializer', 'enc_key']) {
    if (Object.hasOwn(options, key)) throw wrong(where, key, 'payload transparency is not supported: absence');
  }
}

export function readPublishOptions(options: Dict): PublishOptions {
  if (isEmpty(options)) return PUBLISH_DEFAULTS;
  const where = 'PUBLISH.Options';
  checkForwarding(options, where);
  refuseEncAlgo(options, where);
  return {
    acknowledge: bool(options, 'acknowledge', where, false),
    excludeMe: bool(options, 'exclude_me', where, true),
    discloseMe: bool(options, 'disclose_me', where, false),
    retain: bool(options, 'retain', where, false),
    receivers: readReceivers(options, where),
    passthru: readPassthru(options, where),
  };
}

function readReceivers(options: Dict, where: string): ReceiverLists | undefined {
  const lists: ReceiverLists = {
    exclude: sessionIds(options, 'exclude', where),
    excludeAuthid: stringList(options, 'exclude_authid', where),
    excludeAuthrole: stringList(options, 'exclude_authrole', where),
    eligible: sessionIds(options, 'eligible', where),
    eligibleAuthid: stringList(options, 'eligible_authid', where),
    eligibleAuthrole: stringList(options, 'eligible_authrole', where),
  };
  return Object.values(lists).every((list) => list === undefined) ? undefined : lists;
}

export function readSubscribeOptions(options: Dict): SubscribeOptions {
  if (isEmpty(options)) return SUBSCRIBE_DEFAULTS;
  const where = 'SUBSCRIBE.Options';
  checkForwarding(options, where);
  return {
    match: oneOf(options, 'match', where, MATCHES, 'exact'),
    getRetained: bool(options, 'get_retained', where, false),
  };
}

export function readRegisterOptions(options: Dict): RegisterOptions {
  if (isEmpty(options)) return REGISTER_DEFAULTS;
  const where = 'REGISTER.Options';
  checkForwarding(options, where);
  return {
    match: oneOf(options, 'match', where, MATCHES, 'exact'),
    invoke: oneOf(options, 'invoke', where, INVOKE_POLICIES, 'single'),
    discloseCaller: bool(options, 'disclose_caller', where, false),
    forceReregister: bool(options, 'force_reregister', where, false),
    forwardTimeout: bool(options, 'forward_timeout', where, false),
    concurrency: nonNegative(options, 'concurrency', where, 0),
    queue: Math.min(nonNegative(options, 'queue', where, DEFAULT_QUEUE), MAX_QUEUE),
    weak: false,
  };
}

export function readCallOptions(options: Dict): CallOptions {
  if (isEmpty(options)) return CALL_DEFAULTS;
  const where = 'CALL.Options';
  checkForwarding(options, where);
  refuseEncAlgo(options, where);
  return {
    timeout: Math.min(nonNegative(options, 'timeout', where, 0), MAX_TIMEOUT_MS),
    receiveProgress: bool(options, 'receive_progress', where, false),
    discloseMe: bool(options, 'disclose_me', where, false),
    rkey: routingKey(options, where),
    progress: bool(options, 'progress', where, false),
    passthru: readPassthru(options, where),
  };
}

/** A string or an integer; 1 and "1" are one key. */
function routingKey(options: Dict, where: string): string | undefined {
  const value = own(options, 'rkey');
  if (value === undefined || typeof value === 'string') return value;
  if (!isInteger(value)) throw wrong(where, 'rkey', 'string or integer');
  return String(value);
}

/** A missing mode is `killnowait` (PITFALLS 54). */
export function readCancelMode(options: Dict): CancelMode {
  return oneOf(options, 'mode', 'CANCEL.Options', CANCEL_MODES, 'killnowait');
}

export function readYieldOptions(options: Dict): YieldOptions {
  if (isEmpty(options)) return YIELD_DEFAULTS;
  const where = 'YIELD.Options';
  refuseEncAlgo(options, where);
  return { progress: bool(options, 'progress', where, false), passthru: readPassthru(options, where) };
}

/**
 * The `ppt_` keys, copied unread: their values are the business of the peers (spec: "Payload Passthru Mode").
 * @returns undefined where the mode is not in use, which an absent or empty scheme says
 */
export function readPassthru(options: Dict, where: string): Passthru | undefined {
  let passthru: Record<string, string> | undefined;
  for (const key of PASSTHRU_KEYS) {
    const value = text(options, key, where);
    if (value === undefined || value === '') continue;
    passthru ??= {};
    passthru[key] = value;
  }
  if (passthru === undefined) return undefined;
  // Without it nobody could read what the others are there to explain.
  if (passthru.ppt_scheme === undefined)
    throw wrong(where, 'ppt_scheme', 'beside other ppt_ keys the name of a scheme');
  return Object.freeze(passthru);
}
