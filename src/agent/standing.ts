import { ErrorUri } from '../wamp/errors.ts';
import type { AutobahnSession } from './autobahn.ts';
import { type AgentError, ConnectionLostError, RevokedError, typed } from './errors.ts';
import type { Requests, Sent } from './requests.ts';

/** The first and the longest pause before a registration is asked for again, ms. */
const PAUSE_MS = 100;
const MAX_PAUSE_MS = 2000;

/** What a session can be granted: a subscription or a registration. */
export interface Grantable<Grant> {
  readonly uri: string;
  /** The word for it in messages. */
  readonly what: 'subscription' | 'registration';
  ask(session: AutobahnSession): PromiseLike<Grant>;
  giveBack(session: AutobahnSession, grant: Grant): PromiseLike<unknown>;
  /** Resolves where the router takes it away. */
  revoked(grant: Grant): PromiseLike<string | undefined>;
}

/** One subscription or registration that is to stand in every session of the agent, until it ends. */
export class Standing<Grant> {
  /** Settles once: granted for the first time, or not at all. */
  readonly granted: Promise<void>;
  /** Resolves when it stands no more: with the reason, or undefined where its owner ended it. Never rejects. */
  readonly ended: Promise<AgentError | undefined>;
  readonly #wanted: Grantable<Grant>;
  readonly #requests: Requests;
  readonly #problem: (error: unknown, where: string) => void;
  #grant: { readonly session: AutobahnSession; readonly value: Grant } | undefined;
  #stood = false;
  /** The session in which it was found to be held elsewhere: said once in each. */
  #heldIn: AutobahnSession | undefined;
  #over = false;
  #grantedNow: () => void = () => {};
  #refusedNow: (error: unknown) => void = () => {};
  #endedNow: (error: AgentError | undefined) => void = () => {};

  constructor(wanted: Grantable<Grant>, requests: Requests, problem: (error: unknown, where: string) => void) {
    this.#wanted = wanted;
    this.#requests = requests;
    this.#problem = problem;
    this.granted = new Promise((resolve, reject) => {
      this.#grantedNow = resolve;
      this.#refusedNow = reject;
    });
    this.ended = new Promise((resolve) => {
      this.#endedNow = resolve;
    });
  }

  get isOver(): boolean {
    return this.#over;
  }

  /** It stands in the session in force. */
  get isActive(): boolean {
    return !this.#over && this.#grant !== undefined && this.#grant.session === this.#requests.session;
  }

  /**
   * Asks for it in the session in force. Where that ends meanwhile nothing happens: the next one asks again. Resolves
   * with the first answer; a registration that is still held elsewhere is asked for further on.
   */
  async renew(): Promise<void> {
    const { session } = this.#requests;
    if (session !== undefined && !(await this.#ask(session))) void this.#insist(session);
  }

  async #insist(session: AutobahnSession): Promise<void> {
    let done = false;
    for (let pause = PAUSE_MS; !done && !this.#over && this.#requests.session === session; pause *= 2) {
      await new Promise((resolve) => setTimeout(resolve, Math.min(pause, MAX_PAUSE_MS)));
      if (this.#requests.session === session) done = await this.#ask(session);
    }
  }

  /** @returns false: to be asked again */
  async #ask(session: AutobahnSession): Promise<boolean> {
    if (this.#over) return true;
    try {
      const ask = (): Sent<Grant> => ({ answer: this.#wanted.ask(session) });
      this.#take(session, await this.#requests.request(ask));
    } catch (error) {
      if (error instanceof ConnectionLostError) return true;
      if (this.#isOurOwn(error)) {
        if (this.#heldIn !== session) this.#problem(error, `asking again for the registration of ${this.#wanted.uri}`);
        this.#heldIn = session;
        return false;
      }
      this.end(typed(error));
    }
    return true;
  }

  /**
   * After a torn connection the router may not have noticed yet that our former session is dead, which still holds the
   * registration; it is free as soon as the router's keep-alive has found out.
   */
  #isOurOwn(error: unknown): boolean {
    return this.#stood && typed(error).uri === ErrorUri.PROCEDURE_ALREADY_EXISTS;
  }

  #take(session: AutobahnSession, value: Grant): void {
    if (this.#over) {
      this.#giveBack(session, value);
      return;
    }
    this.#grant = { session, value };
    this.#stood = true;
    this.#wanted.revoked(value).then((reason) => {
      if (this.#grant?.value !== value) return;
      const { what, uri } = this.#wanted;
      const words = `the router revoked the ${what} of ${uri}${reason === undefined ? '' : `: ${reason}`}`;
      this.end(new RevokedError(reason ?? ErrorUri.NOT_AUTHORIZED, words));
    });
    this.#grantedNow();
  }

  /** Gives it back. Resolves when the router has confirmed it, or where no session is left to give it back in. */
  async drop(): Promise<void> {
    const grant = this.#grant;
    const first = !this.#over;
    this.end(undefined);
    if (first && grant !== undefined && grant.session === this.#requests.session) {
      await this.#giveBack(grant.session, grant.value);
    }
  }

  /** It stands no more, and is not asked for again. */
  end(error: AgentError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#grant = undefined;
    // Without a first grant somebody waits for it: one who gave up himself, or one who must hear why.
    if (!this.#stood) this.#refusedNow(error ?? new ConnectionLostError('it was given back before it stood', true));
    this.#endedNow(error);
  }

  async #giveBack(session: AutobahnSession, value: Grant): Promise<void> {
    try {
      await this.#requests.request(() => ({ answer: this.#wanted.giveBack(session, value) }));
    } catch {
      // The session is gone, and what it held with it.
    }
  }
}
