import { ErrorUri, WampError } from '../../wamp/errors.ts';
import { Feature } from '../../wamp/features.ts';
import {
  type Invocation,
  MessageType,
  NO_DETAILS,
  type Publish,
  type RoutedMessage,
  type RouterMessage,
} from '../../wamp/messages.ts';
import { PUBLISH_DEFAULTS, type PublishOptions, REGISTER_DEFAULTS, YIELD_DEFAULTS } from '../../wamp/options.ts';
import { Payload } from '../../wamp/payload.ts';
import type { Verdict } from '../authorization.ts';
import { payloadRefusal } from '../payload-check.ts';
import type { Peer, Sent } from '../peer.ts';
import type { Realm } from '../realm.ts';
import { ROUTER, type Session } from '../session.ts';
import { LocalDirectory } from './directory.ts';
import { MetaEvents } from './events.ts';
import { HISTORY_PROCEDURES } from './history.ts';
import { invoke, type MetaAnswer, type MetaContext, type MetaProcedure, type Refusal } from './procedure.ts';
import { REGISTRATION_PROCEDURES } from './registration.ts';
import { SESSION_PROCEDURES } from './session.ts';
import { SUBSCRIPTION_PROCEDURES } from './subscription.ts';
import { TESTAMENT_PROCEDURES, Testaments } from './testament.ts';

/** Every meta procedure: a further one is a function and a line in one of these tables. */
const PROCEDURES: Readonly<Record<string, MetaProcedure>> = {
  ...SESSION_PROCEDURES,
  ...TESTAMENT_PROCEDURES,
  ...SUBSCRIPTION_PROCEDURES,
  ...HISTORY_PROCEDURES,
  ...REGISTRATION_PROCEDURES,
};

/** Gives a realm that nobody has joined its meta APIs and testaments. */
export function installMeta(realm: Realm): void {
  new MetaApi(realm).register();
}

/** The realm's own callee of the meta procedures and publisher of the meta events: a session as any other. */
class MetaApi implements Peer {
  readonly #realm: Realm;
  readonly #session: Session;
  readonly #context: MetaContext;
  #request = 0;

  constructor(realm: Realm) {
    const session = realm.join(this, {
      identity: ROUTER,
      features: Feature.PUBLISHER | Feature.CALLEE,
      internal: true,
    });
    if (session === undefined) throw new Error(`realm ${realm.name} is closed`);
    this.#realm = realm;
    this.#session = session;
    const testaments = new Testaments(() => realm.limits.maxMessageBytes);
    const events = new MetaEvents(
      {
        publish: (topic, args, except) => this.#publish(topic, args, except),
        execute: (gone, testament) => realm.bequeath(gone, testament),
      },
      testaments,
    );
    realm.watch(events);
    this.#context = {
      directory: new LocalDirectory(realm),
      testaments,
      kill(ids, reason, silent) {
        events.together(() => {
          for (const id of ids) {
            const victim = realm.sessions.get(id);
            if (victim !== undefined) realm.end(victim, reason);
          }
        }, silent);
      },
      refusal: (session, message) => refusalOf(realm, session, message),
      subscribeRefusal: (session, topic, match) =>
        new Promise((resolve) => {
          realm.ask(session, 'subscribe', topic, match, (verdict) => {
            resolve(verdict instanceof WampError ? verdict : undefined);
          });
        }),
      history: () => ({ series: realm.events.series, maxBytes: realm.limits.maxMessageBytes }),
    };
  }

  register(): void {
    for (const procedure of Object.keys(PROCEDURES)) {
      this.#say({ type: MessageType.REGISTER, request: this.#next(), options: REGISTER_DEFAULTS, procedure });
    }
  }

  send(message: RouterMessage): Sent {
    if (message.type === MessageType.INVOCATION) this.#invoked(message);
    return true;
  }

  close(): void {}

  #invoked({ request, payload }: Invocation): void {
    // The pending call names its caller, also where the caller is not disclosed.
    const call = this.#session.invocations.get(request);
    const procedure = call === undefined ? undefined : PROCEDURES[call.registration.uri];
    if (call === undefined || procedure === undefined) return;
    let answer: MetaAnswer;
    try {
      answer = invoke(procedure, call.caller, payload.value(), this.#context);
    } catch (error) {
      if (!(error instanceof WampError)) throw error;
      this.#refuse(request, error);
      return;
    }
    if (!(answer instanceof Promise)) {
      this.#yield(request, answer);
      return;
    }
    answer.then(
      (results) => this.#yield(request, results),
      (error: unknown) => {
        const known = error instanceof WampError ? error : new WampError(ErrorUri.UNAVAILABLE, 'no answer');
        this.#refuse(request, known);
      },
    );
  }

  #yield(request: number, results: readonly unknown[]): void {
    this.#say({ type: MessageType.YIELD, request, options: YIELD_DEFAULTS, payload: Payload.of(results) });
  }

  #refuse(request: number, { uri, message }: WampError): void {
    const payload = Payload.of([message]);
    this.#say({ type: MessageType.ERROR, request, details: NO_DETAILS, passthru: undefined, error: uri, payload });
  }

  #publish(topic: string, args: readonly unknown[], except: number | undefined): void {
    const options = except === undefined ? PUBLISH_DEFAULTS : excluding(except);
    this.#say({ type: MessageType.PUBLISH, request: this.#next(), options, topic, payload: Payload.of(args) });
  }

  #next(): number {
    this.#request += 1;
    return this.#request;
  }

  #say(message: RoutedMessage): void {
    this.#realm.receive(this.#session, message);
  }
}

/** A promise only where the dynamic authorizer has to be asked. */
function refusalOf(realm: Realm, session: Session, message: Publish): Refusal | Promise<Refusal> {
  let tell: ((refusal: Refusal) => void) | undefined;
  let known: { readonly refusal: Refusal } | undefined;
  const done = (verdict: Verdict): void => {
    const refusal = verdict instanceof WampError ? verdict : payloadRefusal(realm, session, message, verdict);
    if (tell === undefined) known = { refusal };
    else tell(refusal);
  };
  realm.ask(session, 'publish', message.topic, 'exact', done);
  const late = () =>
    new Promise<Refusal>((resolve) => {
      tell = resolve;
    });
  return known === undefined ? late() : (known as { refusal: Refusal }).refusal;
}

function excluding(session: number): PublishOptions {
  const receivers = {
    exclude: [session],
    excludeAuthid: undefined,
    excludeAuthrole: undefined,
    eligible: undefined,
    eligibleAuthid: undefined,
    eligibleAuthrole: undefined,
  };
  return { ...PUBLISH_DEFAULTS, receivers };
}
