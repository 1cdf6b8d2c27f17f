/** `wamp.subscription.get_events` (spec: "Event History"; FEATURES C8). */
import { ErrorUri, WampError } from '../../wamp/errors.ts';
import { type Dict, Payload } from '../../wamp/payload.ts';
import { isValidUri } from '../../wamp/uri.ts';
import { eventDetails, toldOfPublisher, toldOfTrust } from '../disclosure.ts';
import { findInHistory, type HistoryQuery, type PastEvent, readHistory, type Series } from '../history.ts';
import { withPassthru } from '../passthru.ts';
import type { Session } from '../session.ts';
import type { Arguments } from './arguments.ts';
import type { SubscriptionFacts } from './directory.ts';
import { type MetaCall, type MetaContext, type MetaProcedure, takes } from './procedure.ts';
import { parseTimestamp } from './timestamp.ts';

export const HISTORY_PROCEDURES: Readonly<Record<string, MetaProcedure>> = {
  'wamp.subscription.get_events': takes(1, getEvents),
};

/** Most events of one answer, also where more are asked for: whoever wants more goes on behind the last one. */
export const MAX_EVENTS = 1000;

async function getEvents({ caller, args }: MetaCall, context: MetaContext): Promise<readonly unknown[]> {
  const id = args.id(0);
  const options = readOptions(args);
  const subscription = context.directory.subscription(id);
  if (subscription === undefined) throw new WampError(ErrorUri.NO_SUCH_SUBSCRIPTION, `no subscription ${id}`);
  const refusal = await context.subscribeRefusal(caller, subscription.uri, subscription.match);
  if (refusal !== undefined) throw refusal;
  return answer(caller, subscription, options, context.history());
}

interface Available {
  readonly series: readonly Series[];
  readonly maxBytes: number;
}

async function answer(
  caller: Session,
  subscription: SubscriptionFacts,
  options: Options,
  { series, maxBytes }: Available,
): Promise<readonly unknown[]> {
  const { from, after, before, until } = options.publications;
  const [fromOrder, afterOrder, beforeOrder, untilOrder] = await Promise.all(
    [from, after, before, until].map((id) => placeOf(series, id)),
  );
  const { uri, match } = subscription;
  const { authid, authrole } = caller.identity;
  const query: HistoryQuery = {
    ...options.wanted,
    uri,
    match,
    authid,
    authrole,
    order: [
      Math.max(fromOrder ?? 0, (afterOrder ?? -1) + 1),
      Math.min(untilOrder ?? Number.MAX_SAFE_INTEGER, (beforeOrder ?? Number.MAX_SAFE_INTEGER) - 1),
    ],
    maxBytes,
  };
  const events = await readHistory(series, query);
  return [
    sayable(
      events.map((event) => describe(event, subscription, caller)),
      caller,
    ),
  ];
}

/** One event that the asker's encoding has no words for must not keep all others from it: it comes without payload. */
function sayable(events: readonly Dict[], { peer }: Session): readonly Dict[] {
  const canSay = (value: readonly Dict[]) => peer.canSay?.(Payload.of([value])) !== false;
  return canSay(events) ? events : events.map((event) => (canSay([event]) ? event : withoutPayload(event)));
}

function withoutPayload({ timestamp, subscription, publication, details }: Dict): Dict {
  return { timestamp, subscription, publication, details, error: ErrorUri.INVALID_ARGUMENT };
}

/** One that is not there leaves nothing to go by, and "no events" would hide that some may have been forgotten. */
async function placeOf(series: readonly Series[], publication: number | undefined): Promise<number | undefined> {
  if (publication === undefined) return undefined;
  const order = await findInHistory(series, publication);
  if (order !== undefined) return order;
  throw new WampError(ErrorUri.INVALID_ARGUMENT, `publication ${publication} is not in the history, or not any more`);
}

/** An event as this asker would have received it, and when it was published. */
function describe(event: PastEvent, { id, match }: SubscriptionFacts, asker: Session): Dict {
  const { topic, disclosed, trustlevel, passthru } = event;
  const plain = eventDetails(
    match === 'exact' ? undefined : topic,
    toldOfPublisher(asker) ? disclosed : undefined,
    toldOfTrust(asker) ? trustlevel : undefined,
  );
  return {
    timestamp: new Date(event.time).toISOString(),
    subscription: id,
    publication: event.publication,
    details: withPassthru(plain, passthru),
    ...payloadMembers(event.payload),
  };
}

function payloadMembers(payload: Payload): Dict {
  try {
    const { args, kwargs } = payload.value();
    if (kwargs !== undefined) return { args, kwargs };
    return args.length === 0 ? {} : { args };
  } catch (error) {
    if (error instanceof WampError) return { error: error.uri };
    throw error;
  }
}

interface Options {
  readonly wanted: Pick<HistoryQuery, 'topic' | 'time' | 'reverse' | 'limit'>;
  readonly publications: Readonly<Record<'from' | 'after' | 'before' | 'until', number | undefined>>;
}

/** @throws WampError `invalid_argument` that names the option */
function readOptions(args: Arguments): Options {
  const topic = args.namedText('topic');
  if (topic !== undefined && !isValidUri(topic, 'exact', false)) throw wrong('topic', 'URI');
  const limit = args.namedId('limit') ?? MAX_EVENTS;
  const [from, after, before, until] = ['from_time', 'after_time', 'before_time', 'until_time'].map((key) => {
    const text = args.namedText(key);
    const time = text === undefined ? undefined : parseTimestamp(text);
    if (text !== undefined && time === undefined) throw wrong(key, 'RFC 3339 timestamp');
    return time;
  });
  // Events have whole milliseconds, timestamps may be finer.
  const earliest = Math.max(
    Math.ceil(from ?? Number.NEGATIVE_INFINITY),
    Math.floor(after ?? Number.NEGATIVE_INFINITY) + 1,
  );
  const latest = Math.min(
    Math.floor(until ?? Number.POSITIVE_INFINITY),
    Math.ceil(before ?? Number.POSITIVE_INFINITY) - 1,
  );
  return {
    wanted: {
      ...(topic === undefined ? {} : { topic }),
      time: [earliest, latest],
      reverse: args.namedFlag('reverse') ?? false,
      limit: Math.min(limit, MAX_EVENTS),
    },
    publications: {
      from: args.namedId('from_publication'),
      after: args.namedId('after_publication'),
      before: args.namedId('before_publication'),
      until: args.namedId('until_publication'),
    },
  };
}

function wrong(key: string, expected: string): WampError {
  return new WampError(ErrorUri.INVALID_ARGUMENT, `${key}: ${expected} expected`);
}
