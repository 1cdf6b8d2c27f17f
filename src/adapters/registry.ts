import type { Adapter, PolledAdapter, RequestAdapter } from './adapter.ts';
import { bubV1Adapter, bubV2Adapter } from './bub/adapter.ts';
import { httpAdapter } from './http/adapter.ts';
import { relayAdapter } from './relay/adapter.ts';
import { longPollAdapter, wampAdapter } from './wamp/adapter.ts';

type AnyAdapter = Adapter | PolledAdapter | RequestAdapter;

/** Every protocol that is built; a further one is one line here. */
const ADAPTERS: readonly AnyAdapter[] = [
  wampAdapter,
  longPollAdapter,
  bubV2Adapter,
  bubV1Adapter,
  relayAdapter,
  httpAdapter,
];

/** @returns undefined for a protocol that the configuration knows and that is not built */
export function adapterFor(protocol: string): AnyAdapter | undefined {
  return ADAPTERS.find((adapter) => adapter.name === protocol);
}
