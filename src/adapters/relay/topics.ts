import { ErrorUri } from '../../wamp/errors.ts';
import { MessageType, type RouterMessage } from '../../wamp/messages.ts';
import { REGISTER_DEFAULTS, SUBSCRIBE_DEFAULTS } from '../../wamp/options.ts';
import type { Member } from '../member.ts';
import { shown } from '../text.ts';
import { RelayError } from './frames.ts';
import { codeOf, EVERYTHING, type Pattern, toPattern } from './mapping.ts';

type Done = (error?: RelayError) => void;

/** What one agent hears and answers: its own name, everything below it, and the topics it subscribed. */
export class Topics {
  readonly #member: Member;
  readonly #name: string;
  /** Subscription id of each topic as the agent wrote it. */
  readonly #byTopic = new Map<string, number>();
  /** Subscription of the own name, and the weak registration of what is below it. */
  #mailbox: number | undefined;
  #calls: number | undefined;
  /** Subscription of a bare `*`. */
  #everything: number | undefined;

  constructor(member: Member, name: string) {
    this.#member = member;
    this.#name = name;
  }

  /** Takes the name in the realm: SUBSCRIBE of it and, where the role may, a weak registration of what is below it. */
  open(done: Done): void {
    this.#subscribe(
      { uri: this.#name, match: 'exact' },
      (subscription) => {
        this.#mailbox = subscription;
        this.#register(done);
      },
      (uri) => done(refusal(uri, `hearing messages to ${shown(this.#name)}`)),
    );
  }

  #register(done: Done): void {
    const procedure = `${this.#name}.`;
    // Asked of the rules beforehand: a role that may only listen is no refusal worth a log line.
    if (this.#member.decide('register', procedure, 'prefix').kind === 'deny') {
      done();
      return;
    }
    const options = { ...REGISTER_DEFAULTS, match: 'prefix', weak: true } as const;
    this.#member.ask(
      (request) => ({ type: MessageType.REGISTER, request, options, procedure }),
      (answer) => {
        if (answer.type === MessageType.REGISTERED) this.#calls = answer.registration;
        done();
      },
    );
  }

  /** Idempotent. @throws RelayError where the topic is none */
  add(topic: string, done: Done): void {
    const pattern = toPattern(topic);
    if (this.#byTopic.has(topic)) {
      done();
      return;
    }
    this.#subscribe(
      pattern,
      (subscription) => {
        this.#byTopic.set(topic, subscription);
        if (pattern === EVERYTHING) this.#everything = subscription;
        done();
      },
      (uri) => done(refusal(uri, `subscribing ${shown(topic)}`)),
    );
  }

  #subscribe({ uri, match }: Pattern, subscribed: (subscription: number) => void, failed: (uri: string) => void): void {
    this.#member.ask(
      (request) => ({ type: MessageType.SUBSCRIBE, request, options: { ...SUBSCRIBE_DEFAULTS, match }, topic: uri }),
      (answer) => {
        if (answer.type === MessageType.SUBSCRIBED) subscribed(answer.subscription);
        else failed(answer.type === MessageType.ERROR ? answer.error : '');
      },
    );
  }

  /** @throws RelayError where it is not subscribed */
  remove(topic: string): void {
    const subscription = this.#byTopic.get(topic);
    if (subscription === undefined) throw new RelayError('bad_message', `topic: ${shown(topic)} is not subscribed`);
    this.#byTopic.delete(topic);
    if (subscription === this.#everything) this.#everything = undefined;
    // The own name is heard all the same.
    if (subscription === this.#mailbox) return;
    this.#member.ask((request) => ({ type: MessageType.UNSUBSCRIBE, request, subscription }), ignore);
  }

  /** Whether a bare `*` stands for it, which does not reach the router's own topics. */
  isEverything(subscription: number): boolean {
    return subscription === this.#everything;
  }

  /** The realm took a subscription away. @returns what it was called */
  revoked(subscription: unknown): string | undefined {
    let lost: string | undefined;
    for (const [topic, id] of this.#byTopic) {
      if (id !== subscription) continue;
      lost = topic;
      this.#byTopic.delete(topic);
    }
    if (subscription === this.#everything) this.#everything = undefined;
    if (subscription !== this.#mailbox) return lost;
    this.#mailbox = undefined;
    return this.#name;
  }

  /** The realm took a registration away. @returns whether it was ours */
  unregistered(registration: unknown): boolean {
    if (this.#calls === undefined || registration !== this.#calls) return false;
    this.#calls = undefined;
    return true;
  }
}

/** What is taken away may be gone already. */
function ignore(_answer: RouterMessage): void {}

function refusal(uri: string, what: string): RelayError {
  const code = codeOf(uri);
  switch (uri) {
    case ErrorUri.NOT_AUTHORIZED:
      return new RelayError(code, `${what} is not allowed`);
    case ErrorUri.INVALID_URI:
      return new RelayError(code, `${what}: it is no legal URI in this realm`);
    default:
      return new RelayError(code, `${what} failed: ${uri}`);
  }
}
