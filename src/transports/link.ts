/** How a link ends; each transport says it in its own codes (WebSocket: the number in brackets). */
export type LinkClose =
  | 'normal' // 1000
  | 'goingAway' // 1001
  | 'protocolError' // 1002
  | 'unsupportedData' // 1003, text on a binary subprotocol or the reverse (PITFALLS 77)
  | 'invalidData' // 1007
  | 'policyViolation' // 1008
  | 'tooLarge' // 1009
  | 'internalError' // 1011, a handler of ours threw
  | 'restart' // 1012
  | 'tryLater'; // 1013

/** What is known of the other end; for logs, rules and `HELLO.Details.transport`-like facts. */
export interface LinkInfo {
  /** `websocket`, `rawsocket`; `memory` in tests. */
  readonly transport: string;
  /** Negotiated subprotocol, e.g. `wamp.2.json`. */
  readonly subprotocol: string;
  /** Remote address without port; delays after failed authentication are kept by it. */
  readonly address: string;
  readonly secure: boolean;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** Path and query as the peer asked for them; absent where a transport has none. */
  readonly url?: string;
  /** TLS exporter value for channel binding (32 bytes, label `EXPORTER-Channel-Binding`), absent without TLS 1.3. */
  channelId?(): Buffer;
  /** SHA-256 (lower-case hex) of the certificate the peer has shown, verified by TLS; absent: it has shown none. */
  readonly certificate?: string;
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
  /**
   * As {@link write}, for one whole message in pieces, which are not copied and must not change. Absent: not offered.
   * @param length bytes of all pieces
   */
  writePieces?(pieces: readonly Buffer[], length: number, binary: boolean): boolean;
  /**
   * Whether a message of at least `bytes` would not be taken; then it counts as refused, as if it had been written. To
   * be asked before a large message is encoded for one receiver of many. Absent: never refused before it is written.
   */
  refuses?(bytes: number, droppable: boolean): boolean;
  /** The longest message that the peer takes; a longer one is never sent to it (PITFALLS 86). Absent: there is no bound. */
  readonly maxMessageBytes?: number;
  /** Writes what is queued, then closes; with `restart`, `tryLater` and `tooLarge` likewise. Idempotent. */
  close(how: LinkClose, message?: string): void;
  /** Cuts at once, without another byte. */
  destroy(): void;
  /** Asks the peer for a sign of life now and cuts the connection as dead where none comes within `timeoutMs`. */
  challenge?(timeoutMs: number): void;
  /** Bytes accepted and not yet taken by the operating system. */
  readonly pendingBytes: number;
  /** Lowers the bound of this link's output below the router's, as a realm may (CONTRACT §3); asked at each write. */
  narrow(outboxBytes: () => number): void;
  /** Stops and resumes reading from the peer; messages that were already read with the last bytes still come. */
  pause(): void;
  resume(): void;
}

/** What a transport tells the owner of a link. Calls never throw out of the owner. */
export interface LinkHandler {
  message(bytes: Buffer, binary: boolean): void;
  /**
   * The link is gone, whoever ended it; called exactly once, nothing comes after it. Never called from inside a call
   * of the owner to the link, so a loop over many links may write to each without one vanishing under it.
   * @param end how it ended, where the transport knows it
   */
  closed(end?: LinkEnd): void;
}

/** Why a link is gone: for logs and for what is remembered of a closed session. */
export interface LinkEnd {
  readonly cause:
    | 'owner' // close() or destroy()
    | 'peer' // the peer closed in good order
    | 'lost' // the connection broke, or ended without a closing handshake
    | 'protocol' // the peer broke the transport's rules (bad frame, invalid UTF-8, message too large)
    | 'slowPeer' // it did not take its messages (CONTRACT §3 slowPeer, outboxTotalBytes)
    | 'deadPeer' // keep-alive got no answer
    | 'handler'; // message() threw
  /** WebSocket close code, 1006 where none was seen; elsewhere 1000 for an end in good order, 1006 for any other. */
  readonly code: number;
  /** The reason in words, '' where none was given. From the peer when `cause` is `peer`: not to be trusted. */
  readonly message: string;
}
