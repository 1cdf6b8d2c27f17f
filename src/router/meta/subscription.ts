/** Procedures of the spec's "Subscriptions Meta API" (FEATURES C5). */
import { ErrorUri, WampError } from '../../wamp/errors.ts';
import { readSubscribeOptions } from '../../wamp/options.ts';
import { idsByMatch, optionsOf, subscriptionDetails } from './facts.ts';
import { type MetaCall, type MetaContext, type MetaProcedure, takes } from './procedure.ts';

export const SUBSCRIPTION_PROCEDURES: Readonly<Record<string, MetaProcedure>> = {
  'wamp.subscription.list': takes(0, (_call, { directory }) => [idsByMatch(directory.subscriptions())]),
  'wamp.subscription.lookup': takes(1, lookup, 2),
  'wamp.subscription.match': takes(1, match),
  'wamp.subscription.get': takes(1, get),
  'wamp.subscription.list_subscribers': takes(1, (call, context) => [subscribers(call, context)]),
  'wamp.subscription.count_subscribers': takes(1, (call, context) => [subscribers(call, context).length]),
};

/** No such subscription is null, not an error (PITFALLS 67). */
function lookup({ args }: MetaCall, { directory }: MetaContext): readonly unknown[] {
  const options = optionsOf(args.dictionary(1) ?? {}, readSubscribeOptions);
  return [directory.subscriptionOf(args.text(0), options.match)?.id ?? null];
}

function match({ args }: MetaCall, { directory }: MetaContext): readonly unknown[] {
  const ids = directory.subscriptionsFor(args.text(0)).map(({ id }) => id);
  return [ids.length === 0 ? null : ids];
}

function get({ args }: MetaCall, { directory }: MetaContext): readonly unknown[] {
  const id = args.id(0);
  const subscription = directory.subscription(id);
  if (subscription === undefined) throw unknown(id);
  return [subscriptionDetails(subscription)];
}

function subscribers({ args }: MetaCall, { directory }: MetaContext): readonly number[] {
  const id = args.id(0);
  const ids = directory.subscribers(id);
  if (ids === undefined) throw unknown(id);
  return ids;
}

function unknown(id: number): WampError {
  return new WampError(ErrorUri.NO_SUCH_SUBSCRIPTION, `no subscription ${id}`);
}
