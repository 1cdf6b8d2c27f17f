/**
 * Which callee of a shared registration gets a call (spec: "Shared Registration"). A policy names the first choice
 * and the direction in which the next one is tried when a callee does not take the call.
 *
 * A further policy is one function here and one line in the table.
 */
import type { InvokePolicy } from '../wamp/options.ts';
import type { Registration } from './registration.ts';

export interface InvocationPolicy {
  /** Index into `registration.callees`, which is not empty and in order of registration. */
  first(registration: Registration): number;
  readonly step: 1 | -1;
}

const oldest: InvocationPolicy = { first: () => 0, step: 1 };
const newest: InvocationPolicy = { first: (registration) => registration.callees.length - 1, step: -1 };

/** `cursor` is kept right by the registration when callees leave, so nobody is skipped (PITFALLS 51). */
const roundrobin: InvocationPolicy = {
  first(registration) {
    const at = registration.cursor % registration.callees.length;
    registration.cursor = at + 1;
    return at;
  },
  step: 1,
};

const random: InvocationPolicy = {
  first: (registration) => Math.floor(Math.random() * registration.callees.length),
  step: 1,
};

export const INVOCATION_POLICIES: Readonly<Record<InvokePolicy, InvocationPolicy>> = {
  single: oldest,
  first: oldest,
  last: newest,
  roundrobin,
  random,
};
