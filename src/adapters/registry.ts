import type { Adapter } from './adapter.ts';
import { bubV1Adapter, bubV2Adapter } from './bub/adapter.ts';
import { relayAdapter } from './relay/adapter.ts';
import { wampAdapter } from './wamp/adapter.ts';

/** Every protocol that is built; a further one is one line here. */
const ADAPTERS: readonly Adapter[] = [wampAdapter, bubV2Adapter, bubV1Adapter, relayAdapter];

/** @returns undefined for a protocol that the configuration knows and that is not built */
export function adapterFor(protocol: string): Adapter | undefined {
  return ADAPTERS.find((adapter) => adapter.name === protocol);
}
