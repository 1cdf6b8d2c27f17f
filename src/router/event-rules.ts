import type { Series } from './history.ts';

/** What the realm says of the events of a topic (CONTRACT §4, `events`). Implemented by acl/. */
export interface EventRules {
  /** Whether publishers may have an event of `topic` retained. */
  mayRetain(topic: string): boolean;
  /** Where events of `topic` are kept; undefined: nowhere. */
  seriesFor(topic: string): Series | undefined;
  /** All there are. */
  readonly series: readonly Series[];
}

/** A realm that says nothing of events. */
export const NO_EVENT_RULES: EventRules = {
  mayRetain: () => true,
  seriesFor: () => undefined,
  series: [],
};
