import { WampError } from '../wamp/errors.ts';
import { type Call, MessageType, type Publish, requestError } from '../wamp/messages.ts';
import type { Auditor } from './audit.ts';
import type { Allowed, Authorization, Verdict } from './authorization.ts';
import type { Hold } from './holding.ts';
import { payloadRefusal } from './payload-check.ts';
import type { Realm } from './realm.ts';
import type { Session } from './session.ts';

/**
 * Publications and calls that `audit` rules cover: each is routed when there is room to write it down, and until then the
 * requests of its session wait behind it (BRIDGES §1, `whenFull`). Nobody else's do.
 */
export class AuditedRequests {
  readonly #realm: Realm;
  readonly #auditor: Auditor;
  readonly #authorization: Authorization;

  constructor(realm: Realm, auditor: Auditor, authorization: Authorization) {
    this.#realm = realm;
    this.#auditor = auditor;
    this.#authorization = authorization;
  }

  /** Carries out a request that was judged, or has it wait. A refusal has been told to the observer. */
  admit(session: Session, message: Publish | Call, verdict: Verdict): void {
    const targets = this.#targets(message, verdict);
    let hold: Hold | undefined;
    const ready = (): void => {
      const goOn = () => this.#carryOut(session, message, this.#judgeAnew(session, message, verdict), targets);
      if (hold?.release(goOn) !== true) this.#auditor.release(targets);
    };
    if (this.#auditor.reserve(targets, ready)) this.#carryOut(session, message, verdict, targets);
    else hold = this.#realm.holding.hold(session, message);
  }

  /** Rules may have changed while it waited; whom they have asked is not asked twice for it. */
  #judgeAnew(session: Session, message: Publish | Call, before: Verdict): Verdict {
    if (before instanceof WampError) return before;
    const decision =
      message.type === MessageType.PUBLISH
        ? this.#authorization.decide(session, 'publish', message.topic, 'exact')
        : this.#authorization.decide(session, 'call', message.procedure, 'exact');
    if (decision instanceof WampError) return decision;
    return payloadRefusal(this.#realm, session, message, decision) ?? (decision.kind === 'allow' ? decision : before);
  }

  #carryOut(session: Session, message: Publish | Call, verdict: Verdict, targets: number): void {
    if (verdict instanceof WampError) {
      this.#auditor.denied(session, message, this.#realm.ids.random(), verdict.message, targets);
      // Unacknowledged, a refusal is silent (PITFALLS 33); the observer has seen it.
      if (message.type === MessageType.PUBLISH && !message.options.acknowledge) return;
      this.#realm.send(session, requestError(message.type, message.request, verdict.uri, verdict.message));
    } else if (message.type === MessageType.PUBLISH) this.#publish(session, message, verdict, targets);
    else {
      const trail = this.#auditor.called(session, message, this.#realm.ids.random());
      this.#realm.dealer.call(session, message, verdict, trail);
    }
  }

  #publish(session: Session, message: Publish, { disclose, trustlevel }: Allowed, targets: number): void {
    this.#realm.broker.publish(session, message, disclose, trustlevel, (publication) =>
      this.#auditor.published(session, message, publication, targets),
    );
  }

  #targets(message: Publish | Call, verdict: Verdict): number {
    if (verdict instanceof WampError) return 0;
    return message.type === MessageType.CALL ? 1 : this.#realm.broker.reach(message.topic);
  }
}
