import { WampError } from '../wamp/errors.ts';
import { isDict } from '../wamp/features.ts';
import type { Payload } from '../wamp/payload.ts';
import type { Match } from '../wamp/uri.ts';
import type { Action } from './authorizer.ts';
import type { Clock } from './clock.ts';
import type { Answer, Inquiries, Inquiry } from './inquiries.ts';
import { ResultCache } from './result-cache.ts';
import type { Session } from './session.ts';

/** The procedures that a realm has asked (CONTRACT §4, `dynamic`). */
export interface DynamicSettings {
  readonly authenticator?: string | undefined;
  readonly authorizer?: string | undefined;
  /** Milliseconds they have to answer. */
  readonly timeoutMs: number;
}

/** What the authorizer says of one request. */
export type Ruling =
  | { readonly allow: true; readonly disclose: boolean }
  /** `failed`: it said nothing that one could go by. `reason` is for the log. */
  | { readonly allow: false; readonly failed: boolean; readonly reason: string };

interface Remembered {
  readonly ruling: Ruling;
  readonly from: number;
  readonly until: number;
}

/** What `cacheMs` may be at most: who was allowed something an hour ago is asked about again. */
const MAX_CACHE_MS = 3_600_000;

const NOBODY_NAMED: Ruling = { allow: false, failed: true, reason: 'the realm names no authorizer' };
/** It decides for others; who decides for it is the file alone, or it would wait for itself. */
const HOLDER: Ruling = { allow: false, failed: false, reason: 'nobody is asked about those who are asked' };
const NO: Ruling = { allow: false, failed: false, reason: 'the authorizer denies it' };
const NONSENSE: Ruling = {
  allow: false,
  failed: true,
  reason: 'the authorizer answered neither a boolean nor { allow, disclose, cacheMs }',
};

/** One request that the authorizer is asked about. */
export class Question {
  #ruling: Ruling | undefined;
  #listener: ((ruling: Ruling) => void) | undefined;
  #inquiry: Inquiry | undefined;
  readonly #inquiries: Inquiries;
  /** Whose question it is. */
  readonly asker: DynamicAuthorizer;

  constructor(inquiries: Inquiries, asker: DynamicAuthorizer) {
    this.#inquiries = inquiries;
    this.asker = asker;
  }

  /** undefined: it is not answered yet. */
  get ruling(): Ruling | undefined {
    return this.#ruling;
  }

  /** Calls `listener` with the ruling; to be used once, while there is none. */
  onRuling(listener: (ruling: Ruling) => void): void {
    this.#listener = listener;
  }

  /** Nobody waits for the answer any more. Idempotent. */
  forget(): void {
    this.#listener = undefined;
    if (this.#inquiry !== undefined) this.#inquiries.forget(this.#inquiry);
  }

  pursue(inquiry: Inquiry): void {
    this.#inquiry = inquiry;
  }

  settle(ruling: Ruling): this {
    this.#ruling = ruling;
    this.#listener?.(ruling);
    return this;
  }
}

/**
 * Asks the procedure `dynamic.authorizer` of a realm, `(session, uri, action, options)`, and remembers its answers as long as
 * it says. Made anew by every reload, and with it the memory of answers; another callee of the procedure is asked anew, too.
 */
export class DynamicAuthorizer {
  readonly #settings: DynamicSettings;
  readonly #realm: string;
  readonly #inquiries: Inquiries;
  readonly #clock: Clock;
  /** By session, for that is what the authorizer judges: no session gains by what another was allowed. */
  readonly #answers = new ResultCache<Remembered>(() => 160, 8192, 4 * 1024 * 1024);
  /** Whose answers are remembered. */
  #holder: Session | undefined;

  constructor(settings: DynamicSettings, realm: string, inquiries: Inquiries, clock: Clock) {
    this.#settings = settings;
    this.#realm = realm;
    this.#inquiries = inquiries;
    this.#clock = clock;
  }

  /** Whether registering `procedure` is bound to the rules of those who are asked. */
  names(procedure: string, match: Match): boolean {
    const { authorizer, authenticator } = this.#settings;
    return match === 'exact' && (procedure === authorizer || procedure === authenticator);
  }

  /** @returns answered already where nobody has to be asked, or whoever is asked answers at once */
  ask(session: Session, action: Action, uri: string, match: Match): Question {
    const question = new Question(this.#inquiries, this);
    const { authorizer, authenticator, timeoutMs } = this.#settings;
    if (authorizer === undefined) return question.settle(NOBODY_NAMED);
    const holder = this.#inquiries.holder(authorizer);
    if (session === holder || session === this.#inquiries.holder(authenticator)) return question.settle(HOLDER);
    const key = `${session.id} ${action} ${match} ${uri}`;
    const known = this.#known(holder, key);
    if (known !== undefined) return question.settle(known);
    const inquiry = this.#inquiries.ask(authorizer, this.#about(session, uri, action, match), timeoutMs, (answer) => {
      const { ruling, cacheMs } = rulingOf(answer);
      if (cacheMs > 0 && holder === this.#inquiries.holder(authorizer)) this.#remember(key, ruling, cacheMs);
      question.settle(ruling);
    });
    question.pursue(inquiry);
    return question;
  }

  #known(holder: Session | undefined, key: string): Ruling | undefined {
    if (holder !== this.#holder) {
      this.#answers.clear();
      this.#holder = holder;
    }
    const known = this.#answers.get(key);
    if (known === undefined) return undefined;
    const now = this.#clock.now();
    // A clock that was set back must not make an answer last.
    if (now >= known.from && now < known.until) return known.ruling;
    this.#answers.delete(key);
    return undefined;
  }

  #remember(key: string, ruling: Ruling, cacheMs: number): void {
    const from = this.#clock.now();
    this.#answers.set(key, { ruling, from, until: from + Math.min(cacheMs, MAX_CACHE_MS) });
  }

  #about({ id, identity }: Session, uri: string, action: Action, match: Match): unknown[] {
    const { authid, authrole, authmethod, authprovider } = identity;
    return [{ session: id, realm: this.#realm, authid, authrole, authmethod, authprovider }, uri, action, { match }];
  }
}

function rulingOf(answer: Answer): { readonly ruling: Ruling; readonly cacheMs: number } {
  if (answer.kind === 'result') return readRuling(answer.payload);
  const reason = answer.kind === 'silence' ? answer.reason : `the authorizer erred: ${answer.uri}`;
  return { ruling: { allow: false, failed: true, reason }, cacheMs: 0 };
}

/** What is not said in so many words allows nothing. */
function readRuling(payload: Payload): { readonly ruling: Ruling; readonly cacheMs: number } {
  const said = firstOf(payload);
  const { allow, disclose = false, cacheMs = 0 } = isDict(said) ? said : { allow: said };
  const isSound = typeof allow === 'boolean' && typeof disclose === 'boolean' && typeof cacheMs === 'number';
  if (!isSound || !(cacheMs >= 0)) return { ruling: NONSENSE, cacheMs: 0 };
  return { ruling: allow ? { allow, disclose } : NO, cacheMs };
}

function firstOf(payload: Payload): unknown {
  try {
    return payload.value().args[0];
  } catch (error) {
    // Its encoding says something that has no value.
    if (error instanceof WampError) return undefined;
    throw error;
  }
}
