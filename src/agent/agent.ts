import { ErrorUri } from '../wamp/errors.ts';
import {
  type AutobahnConnection,
  type AutobahnRegistration,
  type AutobahnSession,
  type AutobahnSubscription,
  autobahn,
  type Dict,
  type EventHandler,
  type Procedure,
} from './autobahn.ts';
import { login } from './credentials.ts';
import { AgentError, isAutobahnError } from './errors.ts';
import { EventStream, type StreamOptions } from './event-stream.ts';
import { Lifeline } from './lifeline.ts';
import { Listeners } from './listeners.ts';
import type {
  AgentEvents,
  CallOptions,
  ConnectOptions,
  Counters,
  Joined,
  PublishOptions,
  StandingOptions,
} from './options.ts';
import { bounded, type Patience, Requests } from './requests.ts';
import { Retrier } from './retry.ts';
import { Sender } from './sender.ts';
import { Signed } from './signed.ts';
import { type Grantable, Standing } from './standing.ts';

const KEEP_ALIVE_MS = 15_000;
/** The default of the router's `limits.maxMessageBytes`. */
const MAX_MESSAGE_BYTES = 1_048_576;
const MAX_RETRYING = 1000;

/** A subscription that stands in every session of the agent. */
export interface Subscription {
  readonly topic: string;
  /** It stands in the session in force. */
  readonly isActive: boolean;
  /** Resolves when it stands no more: with the reason where the router ended it. Never rejects. */
  readonly ended: Promise<AgentError | undefined>;
  unsubscribe(): Promise<void>;
}

/** A registration that stands in every session of the agent. */
export interface Registration {
  readonly procedure: string;
  readonly isActive: boolean;
  readonly ended: Promise<AgentError | undefined>;
  unregister(): Promise<void>;
}

/** A member of a realm that stays one: what it subscribed and registered is there again after every reconnect. */
export class Agent {
  /** Resolves with the reason when the agent has ended and will not join again. Never rejects. */
  readonly ended: Promise<AgentError>;
  readonly #lifeline: Lifeline;
  readonly #requests = new Requests();
  readonly #listeners = new Listeners<AgentEvents>((error, name) => {
    // One that listens to problems and throws is not told of it.
    if (name === 'problem') say(error, 'in a listener to problem');
    else this.#problem(error, `in a listener to ${name}`);
  });
  readonly #standing = new Set<Standing<unknown>>();
  readonly #streams = new Set<EventStream>();
  readonly #counters = { reconnects: 0, retries: 0, retriesFailed: 0, eventsLost: 0 };
  readonly #sender: Sender;
  readonly #signed: Signed;
  #details: Dict = {};
  #joinedBefore = false;
  #endedNow: (error: AgentError) => void = () => {};

  /** Use `connectAgent`. @throws TypeError where the credentials are none */
  constructor(options: ConnectOptions) {
    this.ended = new Promise((resolve) => {
      this.#endedNow = resolve;
    });
    const { maxRetrying = MAX_RETRYING } = options;
    const retrier = new Retrier(this.#requests, this.#listeners, this.#counters, maxRetrying);
    this.#sender = new Sender(this.#requests, retrier, (run, where) => this.#safely(run, where));
    this.#signed = new Signed(options.signingKey ?? options.privateKey, this.#sender);
    this.#lifeline = new Lifeline(
      {
        url: options.url,
        realm: options.realm,
        login: login(options),
        tls: options.tls,
        keepAliveMs: options.keepAliveMs ?? KEEP_ALIVE_MS,
        maxMessageBytes: options.maxMessageBytes ?? MAX_MESSAGE_BYTES,
        reconnect: options.reconnect ?? true,
      },
      {
        joined: (session, details) => this.#joined(session, details),
        lost: (loss) => {
          this.#requests.lost(loss.why);
          this.#listeners.emit('lost', loss);
        },
        ended: (error) => this.#end(error),
        problem: (error, where) => this.#problem(error, where),
      },
    );
  }

  /** The session of autobahn in force, with all that it can; null while there is none. */
  get session(): AutobahnSession | null {
    return this.#requests.session ?? null;
  }

  /** The connection of autobahn; one for the whole life of the agent. */
  get connection(): AutobahnConnection {
    return this.#lifeline.connection;
  }

  get isJoined(): boolean {
    return this.#requests.session !== undefined;
  }

  /** Details of the last WELCOME. */
  get details(): Dict {
    return this.#details;
  }

  get counters(): Counters {
    return { ...this.#counters };
  }

  /** @returns what takes the listener away again */
  on<Name extends keyof AgentEvents>(name: Name, listener: (event: AgentEvents[Name]) => void): () => void {
    return this.#listeners.on(name, listener);
  }

  /** Begins to join. `connectAgent` has done so. */
  open(): void {
    this.#lifeline.open();
  }

  /**
   * Resolves with the session in force, or the next one.
   * @throws ConnectionLostError where there is none in time; the agent's own end; the signal's reason
   */
  joined(patience?: Patience): Promise<AutobahnSession> {
    return this.#requests.arrival(patience);
  }

  /** Says goodbye. What is on its way is rejected with a `ClosedError`, or with `error`. */
  async close(error?: AgentError): Promise<void> {
    this.#lifeline.close(error);
    await this.ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Calls a procedure. The result is the positional value where it is one, else an autobahn `Result` with `args` and
   * `kwargs`, else null. An aborted or timed out call is canceled on the way to its callee.
   *
   * @throws PeerError where the answer is an error; ConnectionLostError, TimeoutError, InvalidPayloadError; the
   *   signal's reason
   */
  async call<T = unknown>(
    procedure: string,
    args: readonly unknown[] = [],
    kwargs: Dict = {},
    options: CallOptions = {},
  ): Promise<T> {
    return (await this.#sender.call(procedure, args, kwargs, options)) as T;
  }

  /**
   * Publishes, and resolves with the publication's id when the router has taken it; with undefined and at once where
   * `acknowledge` is false.
   *
   * @throws PeerError where the router refuses it; ConnectionLostError, TimeoutError, InvalidPayloadError; the signal's
   *   reason; TypeError where something is to be repeated that is not acknowledged
   */
  async publish(
    topic: string,
    args: readonly unknown[] = [],
    kwargs: Dict = {},
    options: PublishOptions = {},
  ): Promise<{ readonly id: number } | undefined> {
    return await this.#sender.publish(topic, args, kwargs, options);
  }

  /**
   * The same with a signature (BRIDGES §5) by `signingKey`, or the key that the agent joined with: over all kwargs, with
   * time and nonce, unless `signature` says otherwise. A repetition is signed anew, over the same `_retry`.
   */
  get signed(): Signed {
    return this.#signed;
  }

  /**
   * Subscribes, and gives the events one after the other: `for await (const { kwargs } of await agent.events(topic))`.
   * Leaving the loop unsubscribes.
   *
   * @throws as `subscribe`; RangeError where `limit` is none
   */
  async events(topic: string, options: StreamOptions & StandingOptions = {}): Promise<EventStream> {
    const { limit, overflow, ...rest } = options;
    let subscription: Subscription | undefined;
    const stream = new EventStream(
      topic,
      { limit, overflow },
      async () => subscription?.unsubscribe(),
      () => {
        this.#counters.eventsLost += 1;
      },
    );
    subscription = await this.subscribe(topic, (args, kwargs, details) => stream.put(args, kwargs, details), rest);
    this.#streams.add(stream);
    void subscription.ended.then((error) => {
      this.#streams.delete(stream);
      stream.end(error);
    });
    return stream;
  }

  /**
   * Subscribes, now and in every session to come. Waits for a connection where there is none.
   *
   * @throws PeerError where the router refuses it; TimeoutError; the agent's own end; the signal's reason
   */
  async subscribe(topic: string, handler: EventHandler, options: StandingOptions = {}): Promise<Subscription> {
    const { timeoutMs, signal, ...wire } = options;
    const listen: EventHandler = (args, kwargs, details) =>
      this.#safely(() => handler(args, kwargs, details), `in the handler of ${topic}`);
    const standing = await this.#stand<AutobahnSubscription>(
      {
        uri: topic,
        what: 'subscription',
        ask: (session) => session.subscribe(topic, listen, wire),
        giveBack: (session, grant) => session.unsubscribe(grant),
        revoked: ({ on_unsubscribe }) => on_unsubscribe,
      },
      { timeoutMs, signal },
    );
    return {
      topic,
      ended: standing.ended,
      get isActive() {
        return standing.isActive;
      },
      unsubscribe: () => standing.drop(),
    };
  }

  /**
   * Registers, now and in every session to come. What the procedure throws is its answer: an `AgentError` or an autobahn
   * `Error` with its URI, anything else as `wamp.error.runtime_error` with its message, and as a `problem` here.
   *
   * @throws PeerError where the router refuses it; TimeoutError; the agent's own end; the signal's reason
   */
  async register(procedure: string, endpoint: Procedure, options: StandingOptions = {}): Promise<Registration> {
    const { timeoutMs, signal, ...wire } = options;
    const answer: Procedure = async (args, kwargs, details) => {
      try {
        return await endpoint(args, kwargs, details);
      } catch (error) {
        throw this.#asAnswer(error, procedure);
      }
    };
    const standing = await this.#stand<AutobahnRegistration>(
      {
        uri: procedure,
        what: 'registration',
        ask: (session) => session.register(procedure, answer, wire),
        giveBack: (session, grant) => session.unregister(grant),
        revoked: ({ on_unregister }) => on_unregister,
      },
      { timeoutMs, signal },
    );
    return {
      procedure,
      ended: standing.ended,
      get isActive() {
        return standing.isActive;
      },
      unregister: () => standing.drop(),
    };
  }

  async #stand<Grant>(wanted: Grantable<Grant>, patience: Patience): Promise<Standing<Grant>> {
    const standing = new Standing<Grant>(wanted, this.#requests, (error, where) => this.#problem(error, where));
    this.#standing.add(standing);
    void standing.ended.then(() => this.#standing.delete(standing));
    try {
      const { end } = this.#requests;
      if (end !== undefined) throw end;
      // Without a session the next one asks, as for all that stand.
      if (this.isJoined) void standing.renew();
      await bounded(standing.granted, patience);
      return standing;
    } catch (error) {
      void standing.granted.catch(() => {});
      void standing.drop();
      throw error;
    }
  }

  #joined(session: AutobahnSession, details: Dict): void {
    const again = this.#joinedBefore;
    this.#joinedBefore = true;
    this.#details = details;
    if (again) {
      this.#counters.reconnects += 1;
      for (const stream of this.#streams) stream.gap();
    }
    const standing = [...this.#standing];
    this.#requests.joined(session);
    void this.#stands(standing, { session, details, again });
  }

  /** Tells of the session when all that stood before stands again; what has to wait for its turn is not waited for. */
  async #stands(standing: readonly Standing<unknown>[], joined: Joined): Promise<void> {
    await Promise.all(standing.map((each) => each.renew()));
    if (this.#requests.session === joined.session) this.#listeners.emit('joined', joined);
  }

  #end(error: AgentError): void {
    this.#requests.ended(error);
    for (const standing of [...this.#standing]) standing.end(error);
    this.#endedNow(error);
    this.#listeners.emit('ended', error);
  }

  #asAnswer(error: unknown, procedure: string): unknown {
    if (isAutobahnError(error)) return new autobahn.Error(error.error, error.args, error.kwargs);
    if (error instanceof AgentError) {
      return new autobahn.Error(error.uri, error.args.length === 0 ? [error.message] : error.args, error.kwargs);
    }
    this.#problem(error, `in the procedure ${procedure}`);
    return new autobahn.Error('wamp.error.runtime_error', [error instanceof Error ? error.message : String(error)]);
  }

  /** Exceptions of callbacks, also asynchronous ones, are problems of their own and nobody else's. */
  #safely(run: () => unknown, where: string): void {
    const tell = (error: unknown): void => this.#problem(error, where);
    try {
      const running = run();
      if (running instanceof Promise) running.catch(tell);
    } catch (error) {
      tell(error);
    }
  }

  #problem(given: unknown, where: string): void {
    // autobahn calls its own Error without new, so that what it says is lost: it says it of violations only.
    const error = given ?? new AgentError(ErrorUri.PROTOCOL_VIOLATION, 'what the router sent violates the protocol');
    // An error that a procedure answers with on purpose is no problem; autobahn reports it as one.
    if (isAutobahnError(error)) return;
    if (this.#listeners.emit('problem', { error, where })) return;
    say(error, where);
  }
}

function say(error: unknown, where: string): void {
  // biome-ignore lint/suspicious/noConsole: nobody listens, and it must not get lost in silence
  console.error(`waggle-router/agent: ${where}:`, error);
}
