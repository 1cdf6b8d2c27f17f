import { ErrorUri } from '../../wamp/errors.ts';
import { MessageType, type RouterMessage } from '../../wamp/messages.ts';
import { REGISTER_DEFAULTS, SUBSCRIBE_DEFAULTS } from '../../wamp/options.ts';
import type { Member } from '../member.ts';
import { shown } from '../text.ts';
import { invalidParams, RpcCode, RpcError } from './jsonrpc.ts';
import { type Pattern, toPattern } from './mapping.ts';

/** What stands in the realm for one or more patterns that mean the same. */
interface Held {
  readonly subscription: number;
  /** The weak registration beside it; undefined: the role may not register there. */
  registration: number | undefined;
  readonly patterns: Set<string>;
}

type Done = (error?: RpcError) => void;

/** The patterns of one connection: a set of texts (bub-v2 5.1), each a SUBSCRIBE and a weak REGISTER (BRIDGES §1). */
export class Subscriptions {
  readonly #member: Member;
  readonly #prefixEnds: boolean;
  readonly #byPattern = new Map<string, Held>();
  readonly #bySubscription = new Map<number, Held>();

  /** @param prefixEnds see `toPattern` */
  constructor(member: Member, prefixEnds: boolean) {
    this.#member = member;
    this.#prefixEnds = prefixEnds;
  }

  has(pattern: string): boolean {
    return this.#byPattern.has(pattern);
  }

  /** @throws RpcError where the pattern is none */
  add(pattern: string, done: Done): void {
    const target = toPattern(pattern, this.#prefixEnds);
    if (typeof target === 'string') throw invalidParams(`Invalid params: ${target}`);
    const { uri, match } = target;
    this.#member.ask(
      (request) => ({ type: MessageType.SUBSCRIBE, request, options: { ...SUBSCRIBE_DEFAULTS, match }, topic: uri }),
      (answer) => {
        if (answer.type === MessageType.SUBSCRIBED) this.#added(pattern, target, answer.subscription, done);
        else done(refusalOf(answer, pattern));
      },
    );
  }

  #added(pattern: string, target: Pattern, subscription: number, done: Done): void {
    const held = this.#bySubscription.get(subscription) ?? {
      subscription,
      registration: undefined,
      patterns: new Set(),
    };
    held.patterns.add(pattern);
    this.#byPattern.set(pattern, held);
    if (this.#bySubscription.has(subscription)) {
      done();
      return;
    }
    this.#bySubscription.set(subscription, held);
    this.#register(target, held, done);
  }

  #register({ uri, match }: Pattern, held: Held, done: Done): void {
    // Asked of the rules beforehand: a role that may only listen is no refusal worth a log line.
    if (this.#member.decide('register', uri, match).kind === 'deny') {
      done();
      return;
    }
    const options = { ...REGISTER_DEFAULTS, match, weak: true };
    this.#member.ask(
      (request) => ({ type: MessageType.REGISTER, request, options, procedure: uri }),
      (answer) => {
        if (answer.type === MessageType.REGISTERED) held.registration = answer.registration;
        done();
      },
    );
  }

  /** Idempotent; {@link has} tells whether there was such a pattern. */
  remove(pattern: string): void {
    const held = this.#byPattern.get(pattern);
    if (held === undefined) return;
    this.#byPattern.delete(pattern);
    held.patterns.delete(pattern);
    if (held.patterns.size > 0) return;
    this.#bySubscription.delete(held.subscription);
    const { subscription, registration } = held;
    this.#member.ask((request) => ({ type: MessageType.UNSUBSCRIBE, request, subscription }), ignore);
    if (registration === undefined) return;
    this.#member.ask((request) => ({ type: MessageType.UNREGISTER, request, registration }), ignore);
  }

  /** The realm took a subscription away. */
  revoked(subscription: unknown): void {
    const held = typeof subscription === 'number' ? this.#bySubscription.get(subscription) : undefined;
    if (held === undefined) return;
    this.#bySubscription.delete(held.subscription);
    for (const pattern of held.patterns) this.#byPattern.delete(pattern);
    const { registration } = held;
    if (registration === undefined) return;
    this.#member.ask((request) => ({ type: MessageType.UNREGISTER, request, registration }), ignore);
  }

  /** The realm took a registration away. */
  unregistered(registration: unknown): void {
    for (const held of this.#bySubscription.values()) {
      if (held.registration === registration) held.registration = undefined;
    }
  }
}

/** What is taken away may be gone already. */
function ignore(): void {}

function refusalOf(answer: RouterMessage, pattern: string): RpcError {
  const uri = answer.type === MessageType.ERROR ? answer.error : '';
  switch (uri) {
    case ErrorUri.NOT_AUTHORIZED:
      return invalidParams(`Invalid params: topic: subscribing ${shown(pattern)} is not allowed`);
    case ErrorUri.INVALID_URI:
      return invalidParams(`Invalid params: topic: ${shown(pattern)} is no legal pattern`);
    default:
      return new RpcError(RpcCode.INTERNAL_ERROR, `Internal error: subscribing ${shown(pattern)} failed: ${uri}`);
  }
}
