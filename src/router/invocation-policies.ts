/**
 * Which callee of a shared registration gets a call (spec: "Shared Registration", "Call Re-Routing"). A policy is
 * asked anew whenever a callee did not take the call, and leaves out whom the call may not go to: so the next one is
 * whoever the policy would choose if the others were not there.
 *
 * A further policy is one function here and one line in the table.
 */
import type { InvokePolicy } from '../wamp/options.ts';
import type { PendingCall } from './pending-calls.ts';
import type { Callee, Registration } from './registration.ts';
import { weightOf } from './rendezvous.ts';

/** @returns undefined where the call may go to none of the callees */
export type InvocationPolicy = (registration: Registration, call: PendingCall) => Callee | undefined;

/** The first from position `from` on, going round, that the call may go to. */
function nextFrom(registration: Registration, call: PendingCall, from: number): number {
  const { callees } = registration;
  const count = callees.length;
  for (let step = 0; step < count; step += 1) {
    const at = (from + step) % count;
    const callee = callees[at];
    if (callee !== undefined && call.mayGoTo(callee)) return at;
  }
  return -1;
}

const single: InvocationPolicy = (registration, call) => {
  const callee = registration.callees[0];
  return callee !== undefined && call.mayGoTo(callee) ? callee : undefined;
};

const oldest: InvocationPolicy = (registration, call) => registration.callees[nextFrom(registration, call, 0)];

const newest: InvocationPolicy = (registration, call) =>
  registration.callees.findLast((callee) => call.mayGoTo(callee));

/** `cursor` is kept right by the registration when callees leave, so nobody is skipped (PITFALLS 51). */
const roundrobin: InvocationPolicy = (registration, call) => {
  const at = nextFrom(registration, call, registration.cursor);
  // It goes on after the one that is asked, so that one who takes no calls doubles nobody's load.
  if (at >= 0) registration.cursor = at + 1;
  return registration.callees[at];
};

/** A second draw, among those who are left, so that nobody inherits the calls of a neighbour who takes none. */
const random: InvocationPolicy = ({ callees }, call) => {
  const drawn = callees[Math.floor(Math.random() * callees.length)];
  if (drawn === undefined || call.mayGoTo(drawn)) return drawn;
  const left = callees.filter((callee) => call.mayGoTo(callee));
  return left[Math.floor(Math.random() * left.length)];
};

/** Whoever works on the fewest calls; among equals the turn goes round, so that the idle share the load. */
const leastLoaded: InvocationPolicy = (registration, call) => {
  const { callees, cursor } = registration;
  const count = callees.length;
  let best: Callee | undefined;
  for (let step = 0; step < count; step += 1) {
    const at = (cursor + step) % count;
    const callee = callees[at];
    if (callee === undefined || (best !== undefined && callee.running >= best.running)) continue;
    if (!call.mayGoTo(callee)) continue;
    best = callee;
    registration.cursor = at + 1;
  }
  return best;
};

/** Calls of one key go to one callee, and to the next in the key's own order where that one cannot take it. */
const hash: InvocationPolicy = ({ callees }, call) => {
  let best: Callee | undefined;
  let most = -1;
  for (const callee of callees) {
    const weight = weightOf(call.keyHash, callee.session.id);
    if (weight <= most || !call.mayGoTo(callee)) continue;
    best = callee;
    most = weight;
  }
  return best;
};

export const INVOCATION_POLICIES: Readonly<Record<InvokePolicy, InvocationPolicy>> = {
  single,
  first: oldest,
  last: newest,
  roundrobin,
  random,
  least_loaded: leastLoaded,
  hash,
};
