/** Where the two documents differ, beside the order of delivery. */
import type { Dict } from '../../wamp/payload.ts';
import type { Sent } from './sending.ts';
import type { Version } from './target.ts';

export interface Dialect {
  readonly version: Version;
  /** Methods of a peer that is initialized, `initialize` aside. */
  readonly methods: ReadonlySet<string>;
  readonly capabilities: Dict;
  readonly codes: {
    /** initialize: a clientId that is none, or that this peer may not have. */
    readonly badClient: number;
    /** subscribe: such a pattern is there already; undefined: that is fine. */
    readonly subscribed: number | undefined;
    readonly notSubscribed: number;
  };
  /** Whether a plain pattern that ends in `-` or `:` is a prefix. */
  readonly prefixEnds: boolean;
  /** The result of `sendMessage`. */
  result(sent: Extract<Sent, { kind: 'accepted' }>): Dict;
}

export const V2: Dialect = {
  version: 2,
  methods: new Set(['subscribe', 'unsubscribe', 'sendMessage', 'ping']),
  capabilities: { subscribe: true, publish: true, processMessage: true, topics: ['tg:*', 'agent:*', 'system:*'] },
  codes: { badClient: -32602, subscribed: undefined, notSubscribed: -32003 },
  prefixEnds: false,
  result: ({ messageId, deliveredTo }) => ({ accepted: true, messageId, deliveredTo }),
};

export const V1: Dialect = {
  version: 1,
  methods: new Set(['subscribe', 'unsubscribe', 'sendMessage', 'ping', 'publishInbound', 'publishOutbound']),
  capabilities: { subscribe: true, publish: true, topics: ['inbound:*', 'outbound:*', 'agent:*'] },
  codes: { badClient: -32002, subscribed: -32003, notSubscribed: -32004 },
  prefixEnds: true,
  result: ({ stopped }) => ({ success: true, stopPropagation: stopped }),
};
