/** A WAMP client that sends whatever a test says, right or wrong, and reads the router's answers strictly. */
import { MessageType } from '../../src/wamp/messages.ts';
import type { Dict } from '../../src/wamp/payload.ts';
import { decodeRaw, encodeRaw, type RawName } from './raw-codec.ts';
import { type ReadMessage, readRouterMessage } from './router-messages.ts';
import { type Wire, type WireEnd, webSocketWire } from './wire.ts';

/** Every role with every feature. */
export const ALL_ROLES: Dict = {
  publisher: {
    features: { publisher_exclusion: true, publisher_identification: true, subscriber_blackwhite_listing: true },
  },
  subscriber: {
    features: { pattern_based_subscription: true, publisher_identification: true, subscription_revocation: true },
  },
  caller: {
    features: { call_canceling: true, call_timeout: true, caller_identification: true, progressive_call_results: true },
  },
  callee: {
    features: {
      call_canceling: true,
      call_timeout: true,
      caller_identification: true,
      pattern_based_registration: true,
      progressive_call_results: true,
      registration_revocation: true,
      shared_registration: true,
    },
  },
};

export interface JoinOptions {
  readonly roles?: Dict;
  readonly authid?: string;
  readonly authmethods?: readonly string[];
  readonly authextra?: Dict;
  /** The answer to CHALLENGE. */
  readonly ticket?: string;
}

type Of<T extends number> = Extract<ReadMessage, { type: T }>;

export class RawClient {
  readonly name: RawName;
  /** Everything that came, as values. */
  readonly received: unknown[] = [];
  /** The same as it came. */
  readonly bytes: Buffer[] = [];
  /** Set by {@link join}. */
  session = 0;
  welcome: Dict = {};
  /** Resolves when the connection is gone. */
  readonly ended: Promise<WireEnd>;
  readonly #wire: Wire;
  #request = 0;
  #taken = 0;
  #end: WireEnd | undefined;
  #wake: (() => void)[] = [];

  constructor(name: RawName, wire: Wire) {
    this.name = name;
    this.#wire = wire;
    wire.onMessage = (bytes) => {
      this.bytes.push(bytes);
      this.received.push(decodeRaw(name, bytes));
      this.#changed();
    };
    this.ended = new Promise((resolve) => {
      wire.onClose = (end) => {
        this.#end = end;
        resolve(end);
        this.#changed();
      };
    });
  }

  static async connect(url: string, name: RawName = 'json'): Promise<RawClient> {
    return new RawClient(name, await webSocketWire(url, `wamp.2.${name}`));
  }

  next(): number {
    this.#request += 1;
    return this.#request;
  }

  send(message: unknown): void {
    this.sendBytes(encodeRaw(this.name, message));
  }

  sendBytes(bytes: Buffer | string, binary = this.name !== 'json'): void {
    this.#wire.send(Buffer.from(bytes), binary);
  }

  hello(realm: unknown, details: unknown = { roles: ALL_ROLES }): void {
    this.send([MessageType.HELLO, realm, details]);
  }

  /** HELLO … WELCOME. @throws Error with what came instead */
  async join(realm: string, options: JoinOptions = {}): Promise<this> {
    const { ticket, roles = ALL_ROLES, ...details } = options;
    this.hello(realm, { roles, ...details });
    let answer = await this.message();
    if (answer.type === MessageType.CHALLENGE && ticket !== undefined) {
      this.send([MessageType.AUTHENTICATE, ticket, {}]);
      answer = await this.message();
    }
    if (answer.type !== MessageType.WELCOME) throw new Error(`no WELCOME but ${JSON.stringify(answer)}`);
    this.session = answer.session;
    this.welcome = answer.details;
    return this;
  }

  /** The next message as it came. @throws Error if the connection ends before */
  async take(): Promise<unknown> {
    while (this.#taken >= this.received.length) {
      if (this.#end !== undefined) throw new Error(`the connection ended with ${this.#end.code} ${this.#end.reason}`);
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
    this.#taken += 1;
    return this.received[this.#taken - 1];
  }

  /** The next message, read strictly. @throws RouterViolation where a router must not say so */
  async message(): Promise<ReadMessage> {
    return readRouterMessage(await this.take());
  }

  /** The next message, which must be of this type. */
  async expect<T extends ReadMessage['type']>(type: T): Promise<Of<T>> {
    const message = await this.message();
    if (message.type !== type) throw new Error(`type ${type} expected, got ${JSON.stringify(message)}`);
    return message as Of<T>;
  }

  async subscribe(topic: string, options: Dict = {}): Promise<number> {
    this.send([MessageType.SUBSCRIBE, this.next(), options, topic]);
    return (await this.expect(MessageType.SUBSCRIBED)).subscription;
  }

  async register(procedure: string, options: Dict = {}): Promise<number> {
    this.send([MessageType.REGISTER, this.next(), options, procedure]);
    return (await this.expect(MessageType.REGISTERED)).registration;
  }

  /** @returns the request id */
  call(procedure: string, options: Dict = {}, ...payload: unknown[]): number {
    const request = this.next();
    this.send([MessageType.CALL, request, options, procedure, ...payload]);
    return request;
  }

  publish(topic: string, options: Dict = {}, ...payload: unknown[]): number {
    const request = this.next();
    this.send([MessageType.PUBLISH, request, options, topic, ...payload]);
    return request;
  }

  /**
   * Everything that is on its way is here: asks for what is answered after it. What came before the answer stays to be
   * taken.
   */
  async settle(): Promise<readonly unknown[]> {
    const before = this.#taken;
    const request = this.next();
    this.send([MessageType.UNSUBSCRIBE, request, 1]);
    const isAnswer = (message: unknown) =>
      Array.isArray(message) && message[0] === 8 && message[1] === 34 && message[2] === request;
    while (!isAnswer(this.received.at(-1))) {
      if (this.#end !== undefined) throw new Error(`the connection ended with ${this.#end.code}`);
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
    this.received.pop();
    return this.received.slice(before);
  }

  close(): void {
    this.#wire.close();
  }

  destroy(): void {
    this.#wire.destroy();
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}
