/** How a link ends; each transport says it in its own codes (WebSocket: the number in brackets). */
export type LinkClose =
  | 'normal' // 1000
  | 'goingAway' // 1001
  | 'protocolError' // 1002
  | 'unsupportedData' // 1003, text on a binary subprotocol or the reverse (PITFALLS 77)
  | 'invalidData' // 1007
  | 'policyViolation' // 1008
  | 'tooLarge' // 1009
  | 'restart' // 1012
  | 'tryLater'; // 1013

/** What is known of the other end; for logs, rules and `HELLO.Details.transport`-like facts. */
export interface LinkInfo {
  /** `websocket`, later `rawsocket`, …, `memory` in tests. */
  readonly transport: string;
  /** Negotiated subprotocol, e.g. `wamp.2.json`. */
  readonly subprotocol: string;
  /** Remote address without port; delays after failed authentication are kept by it. */
  readonly address: string;
  readonly secure: boolean;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** TLS exporter value for channel binding (32 bytes, label `EXPORTER-Channel-Binding`), absent without TLS 1.3. */
  channelId?(): Buffer;
}

/** One connection that carries whole messages. */
export interface Link {
  readonly info: LinkInfo;
  /**
   * Queues one whole message; it is written at the end of this turn of the event loop, in order.
   * @param binary false: a text message
   * @param droppable the message may be dropped if the peer is slow and the policy says so (EVENTs only)
   * @returns false: not taken. Then the link is closed or closing, unless `droppable`.
   */
  write(bytes: Buffer, binary: boolean, droppable: boolean): boolean;
  /** Writes what is queued, then closes; with `restart`, `tryLater` and `tooLarge` likewise. Idempotent. */
  close(how: LinkClose, message?: string): void;
  /** Cuts at once, without another byte. */
  destroy(): void;
  /** Bytes accepted and not yet taken by the operating system. */
  readonly pendingBytes: number;
  /** Stops and resumes reading from the peer. */
  pause(): void;
  resume(): void;
}

/** What a transport tells the owner of a link. Calls never throw out of the owner. */
export interface LinkHandler {
  message(bytes: Buffer, binary: boolean): void;
  /** The link is gone, whoever ended it; called exactly once, nothing comes after it. */
  closed(): void;
}
