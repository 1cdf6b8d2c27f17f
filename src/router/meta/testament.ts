/** Procedures and keeping of the spec's "Session Testament" (FEATURES C11). */
import { ErrorUri, WampError } from '../../wamp/errors.ts';
import { Feature } from '../../wamp/features.ts';
import { MessageType, type Publish } from '../../wamp/messages.ts';
import { readPublishOptions } from '../../wamp/options.ts';
import { Payload, weigh } from '../../wamp/payload.ts';
import { passthruProblem } from '../passthru.ts';
import type { Session } from '../session.ts';
import type { Arguments } from './arguments.ts';
import { optionsOf } from './facts.ts';
import {
  type MetaAnswer,
  type MetaCall,
  type MetaContext,
  type MetaProcedure,
  type Refusal,
  takes,
} from './procedure.ts';

export const TESTAMENT_PROCEDURES: Readonly<Record<string, MetaProcedure>> = {
  'wamp.session.add_testament': takes(3, addTestament),
  'wamp.session.flush_testaments': takes(0, flushTestaments),
};

/** Testaments one session may have, of both scopes. */
export const MAX_TESTAMENTS = 100;

type Scope = 'detached' | 'destroyed';

interface Testament {
  readonly scope: Scope;
  readonly message: Publish;
  /** Bytes it takes in memory, about. */
  readonly weight: number;
}

/** What sessions left to be published when they are gone. */
export class Testaments {
  readonly #maxWeight: () => number;
  readonly #bySession = new Map<Session, Testament[]>();

  /** @param maxWeight bytes that all testaments of one session may take, about */
  constructor(maxWeight: () => number) {
    this.#maxWeight = maxWeight;
  }

  /** Number of sessions that have testaments. */
  get size(): number {
    return this.#bySession.size;
  }

  /** @throws WampError where a bound would be passed */
  add(session: Session, testament: Testament): void {
    const all = this.#bySession.get(session) ?? [];
    if (all.length >= MAX_TESTAMENTS) {
      throw new WampError(ErrorUri.LIMIT_EXCEEDED, `a session may have ${MAX_TESTAMENTS} testaments`);
    }
    const most = this.#maxWeight();
    if (all.reduce((sum, { weight }) => sum + weight, testament.weight) > most) {
      throw new WampError(ErrorUri.LIMIT_EXCEEDED, `the testaments of a session may take ${most} bytes together`);
    }
    this.#bySession.set(session, [...all, testament]);
  }

  flush(session: Session, scope: Scope): void {
    const kept = (this.#bySession.get(session) ?? []).filter((each) => each.scope !== scope);
    if (kept.length > 0) this.#bySession.set(session, kept);
    else this.#bySession.delete(session);
  }

  /** Takes them out in the order of publishing: `detached` before `destroyed`, each in order of adding (PITFALLS 70). */
  take(session: Session): readonly Publish[] {
    const all = this.#bySession.get(session);
    if (all === undefined) return [];
    this.#bySession.delete(session);
    const of = (scope: Scope) => all.filter((each) => each.scope === scope).map(({ message }) => message);
    return [...of('detached'), ...of('destroyed')];
  }
}

/**
 * The rules of the realm are asked now, so that who may not publish it learns so, and once more when it is published,
 * for they may have changed.
 */
function addTestament({ caller, args, payload }: MetaCall, context: MetaContext): MetaAnswer {
  const message: Publish = {
    type: MessageType.PUBLISH,
    request: 0,
    // Whoever waits for the acknowledgement is gone by then.
    options: { ...optionsOf(args.namedDictionary('publish_options') ?? {}, readPublishOptions), acknowledge: false },
    topic: args.text(0),
    payload: Payload.of(args.list(1) ?? [], args.dictionary(2)),
  };
  const { passthru } = message.options;
  const problem = passthru && passthruProblem(caller, message, passthru, Feature.PUBLISHER_PASSTHRU);
  if (problem !== undefined) throw new WampError(ErrorUri.INVALID_ARGUMENT, problem);
  const scope = scopeOf(args);
  const weight = weigh(payload);
  const add = (refusal: Refusal): readonly unknown[] => {
    if (refusal !== undefined) throw refusal;
    // Whoever left while the authorizer was asked has had its testaments published.
    if (!caller.ended) context.testaments.add(caller, { scope, message, weight });
    return [];
  };
  const refusal = context.refusal(caller, message);
  return refusal instanceof Promise ? refusal.then(add) : add(refusal);
}

function flushTestaments({ caller, args }: MetaCall, { testaments }: MetaContext): readonly unknown[] {
  testaments.flush(caller, scopeOf(args));
  return [];
}

function scopeOf(args: Arguments): Scope {
  const scope = args.namedText('scope') ?? 'destroyed';
  if (scope === 'detached' || scope === 'destroyed') return scope;
  throw new WampError(ErrorUri.INVALID_ARGUMENT, 'scope: detached or destroyed expected');
}
