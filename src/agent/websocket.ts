import WebSocketOfNode from 'ws';
import { ErrorUri } from '../wamp/errors.ts';
import { type AutobahnTransport, autobahn, type TransportEnd } from './autobahn.ts';
import { InvalidPayloadError } from './errors.ts';

/** Name of this transport in autobahn's table. */
const TYPE = 'waggle-websocket';
const SUBPROTOCOL = 'wamp.2.json';

/** Close codes of RFC 6455: nothing said, and lost without a close frame. */
const NO_CODE = 1005;
const LOST = 1006;

/** As autobahn closes for protocol violations. */
const PROTOCOL_VIOLATION = 3002;

const OPEN = 1;

/** Message types. */
const ERROR = 8;
const INVOCATION = 68;
const YIELD = 70;

/** How long `ws` waits for the other side's close frame, ms. */
const CLOSE_MS = 2000;

/** What browsers and `ws` have in common. */
interface Socket {
  readonly readyState: number;
  readonly protocol: string;
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string; readonly wasClean: boolean }) => void) | null;
  onerror: ((event: { readonly message?: string }) => void) | null;
  send(text: string): void;
  close(code?: number, reason?: string): void;
}

/** What only `ws` has. */
interface NodeSocket extends Socket {
  on(event: 'pong' | 'ping', listener: () => void): void;
  ping(): void;
  terminate(): void;
}

/** What Node needs to trust the router, and to be trusted by it; PEM. In a browser the browser decides. */
export interface TlsOptions {
  readonly ca?: string | readonly string[] | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

export interface WebSocketSettings {
  readonly url: string;
  readonly tls: TlsOptions | undefined;
  /** Silence after which the router is asked, ms, and after which it counts as gone; 0: never. Browsers cannot ask. */
  readonly keepAliveMs: number;
  /** What is larger is not sent: the router would end the connection, at the cost of all that is on its way. */
  readonly maxMessageBytes: number;
  /** Told of an answer of ours that could not be sent as it was; its caller got an error instead. */
  problem(error: InvalidPayloadError): void;
  /** Told of every end before autobahn is, which keeps neither code nor reason. */
  ended(end: TransportEnd): void;
}

/** The entry of autobahn's `transports` that makes it use {@link WebSocketTransport}. */
export function webSocketTransport(settings: WebSocketSettings): object {
  autobahn.transports.register(TYPE, Factory);
  return { type: TYPE, url: settings.url, settings };
}

class Factory {
  readonly type = TYPE;
  readonly #settings: WebSocketSettings;

  constructor(options: { readonly settings: WebSocketSettings }) {
    this.#settings = options.settings;
  }

  create(): WebSocketTransport {
    return new WebSocketTransport(this.#settings);
  }
}

/** @throws InvalidPayloadError */
function encode(message: readonly unknown[], maxBytes: number): string {
  let text: string;
  try {
    text = JSON.stringify(message);
  } catch (error) {
    const why = error instanceof Error ? error.message.split('\n')[0] : String(error);
    throw new InvalidPayloadError(ErrorUri.INVALID_ARGUMENT, `this has no JSON: ${why}`, { cause: error });
  }
  // A UTF-16 unit is three bytes at most, so what is short need not be counted.
  if (text.length * 3 <= maxBytes) return text;
  const bytes = new TextEncoder().encode(text).length;
  if (bytes <= maxBytes) return text;
  const why = `the message has ${bytes} bytes, more than the ${maxBytes} of maxMessageBytes`;
  throw new InvalidPayloadError(ErrorUri.PAYLOAD_SIZE_EXCEEDED, why);
}

/** A procedure's last YIELD, or its ERROR; progressive results throw into the procedure that sends them. */
function isFinalAnswer([type, , options]: readonly unknown[]): boolean {
  return (type === YIELD && (options as { progress?: unknown }).progress !== true) || type === ERROR;
}

const isNode = typeof process === 'object' && typeof process.versions?.node === 'string';

function open({ url, tls }: WebSocketSettings): Socket {
  if (isNode) {
    const options = { ...tls, perMessageDeflate: false, closeTimeout: CLOSE_MS };
    return new WebSocketOfNode(url, [SUBPROTOCOL], options as object) as unknown as Socket;
  }
  const { WebSocket } = globalThis as unknown as { WebSocket: new (url: string, protocols: string[]) => Socket };
  return new WebSocket(url, [SUBPROTOCOL]);
}

/**
 * One WebSocket under one session of autobahn. Autobahn's own transport keeps the close code to itself, leaves what
 * cannot be serialized pending for ever, and in Node tells of a refused connection twice.
 */
class WebSocketTransport implements AutobahnTransport {
  readonly info: { type: string; url: string; protocol: string | null };
  readonly #settings: WebSocketSettings;
  readonly #socket: Socket;
  #problem = '';
  #over = false;
  #heard = Date.now();
  #watch: ReturnType<typeof setInterval> | undefined;

  onmessage: (message: unknown) => void = () => {};
  onopen: () => void = () => {};
  onclose: (end: TransportEnd) => void = () => {};

  constructor(settings: WebSocketSettings) {
    this.#settings = settings;
    this.info = { type: 'websocket', url: settings.url, protocol: null };
    const socket = open(settings);
    this.#socket = socket;
    socket.onopen = () => {
      if (this.#over) return;
      this.info.protocol = socket.protocol;
      this.#keepAlive();
      this.onopen();
    };
    socket.onmessage = ({ data }) => this.#message(data);
    socket.onerror = ({ message }) => {
      this.#problem ||= message ?? '';
    };
    socket.onclose = ({ code, reason, wasClean }) => this.#end({ code, reason, wasClean });
  }

  /**
   * To a connection that is over nothing is sent: its end is what settles whoever waits.
   * @throws InvalidPayloadError where the message has no JSON or is too large
   */
  send(message: readonly unknown[]): void {
    let text: string;
    try {
      text = encode(message, this.#settings.maxMessageBytes);
    } catch (error) {
      if (!(error instanceof InvalidPayloadError) || !isFinalAnswer(message)) throw error;
      // Nobody would catch it: autobahn sends what a procedure returned. The caller must hear of it all the same.
      text = JSON.stringify([ERROR, INVOCATION, message[1], {}, error.uri, [error.message]]);
      this.#settings.problem(error);
    }
    if (this.#socket.readyState === OPEN) this.#socket.send(text);
  }

  /** Ends at once, with whatever is still to be sent; the other side is not waited for. */
  close(code?: number, reason?: string): void {
    if (this.#over) return;
    const usable = code !== undefined && (code === 1000 || code >= 3000);
    if (usable) this.#socket.close(code, reason);
    else this.#socket.close();
    this.#end({ code: code ?? NO_CODE, reason: reason ?? '', wasClean: true });
  }

  /** What breaks autobahn is no WAMP: it costs the connection, not the program. */
  #message(data: unknown): void {
    if (this.#over) return;
    this.#heard = Date.now();
    try {
      this.onmessage(JSON.parse(String(data)));
    } catch (error) {
      this.#problem = `the router sent what is no WAMP: ${error instanceof Error ? error.message : String(error)}`;
      this.close(PROTOCOL_VIOLATION, 'no WAMP');
    }
  }

  /** A cable that was pulled tells nobody; only silence does. */
  #keepAlive(): void {
    const { keepAliveMs } = this.#settings;
    if (!isNode || keepAliveMs === 0) return;
    const socket = this.#socket as NodeSocket;
    const heard = (): void => {
      this.#heard = Date.now();
    };
    socket.on('ping', heard);
    socket.on('pong', heard);
    heard();
    this.#watch = setInterval(() => {
      const silence = Date.now() - this.#heard;
      if (silence < keepAliveMs) return;
      if (silence < 2 * keepAliveMs) {
        if (socket.readyState === OPEN) socket.ping();
        return;
      }
      socket.terminate();
      this.#end({ code: LOST, reason: `nothing was heard of the router for ${silence} ms`, wasClean: false });
    }, keepAliveMs / 2);
  }

  #end(end: TransportEnd): void {
    if (this.#over) return;
    this.#over = true;
    clearInterval(this.#watch);
    const whole = this.#problem === '' ? end : { ...end, reason: this.#problem };
    this.#settings.ended(whole);
    // It would print its notes on every connection that ends; they are ours to tell, and others' notes are not ours.
    const { warn } = autobahn.log;
    autobahn.log.warn = () => {};
    try {
      this.onclose(whole);
    } finally {
      autobahn.log.warn = warn;
    }
  }
}
