/** What the realm says of the events of a topic (CONTRACT §4, `events`). Implemented by acl/. */
export interface EventRules {
  /** Whether publishers may have an event of `topic` retained. */
  mayRetain(topic: string): boolean;
}

/** A realm that says nothing of events. */
export const NO_EVENT_RULES: EventRules = {
  mayRetain: () => true,
};
