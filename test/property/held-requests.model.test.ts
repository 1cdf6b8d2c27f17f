/** Requests that wait for an authorizer, against a realm that decides at once (ARCHITECTURE §1.5, PITFALLS 64). */
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { ErrorUri } from '../../src/wamp/errors.ts';
import { MessageType } from '../../src/wamp/messages.ts';
import type { Client } from '../support/core.ts';
import { type Asked, DynamicCore } from '../support/dynamic.ts';
import type { Wire } from '../support/recording-peer.ts';

/** What is asked about and allowed, asked about and denied, allowed and denied by the rules. */
const URIS = ['ask.yes', 'ask.no', 'free', 'never'] as const;
const ALLOWED = new Set<string>(['ask.yes', 'free']);

const command = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom('publish', 'call', 'call', 'subscribe'),
      who: fc.nat(2),
      uri: fc.constantFrom(...URIS),
    }),
  },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('answer'), which: fc.nat(40) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('cancel'), who: fc.nat(2), which: fc.nat(40) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('silence') }) },
);

type Made = { readonly request: number; readonly kind: string; readonly uri: string; readonly value: number };

class Run {
  readonly core = new DynamicCore().askAbout('ask.yes', 'ask.no');
  readonly askers: readonly Client[] = [this.core.asker(), this.core.asker(), this.core.asker()];
  readonly made = new Map<Client, Made[]>(this.askers.map((asker) => [asker, []]));
  readonly canceled = new Set<string>();
  /** Requests whose question was left unanswered for too long. */
  readonly heard: { readonly who: unknown; readonly value: unknown }[] = [];
  readonly open: Asked[] = [];
  #value = 0;

  constructor() {
    const callee = this.core.join();
    for (const uri of URIS) {
      callee.registered(uri);
      callee.subscribed(uri);
    }
    for (const action of ['publish', 'call', 'subscribe'] as const) this.core.authorizer.deny(action, 'never');
    callee.peer.react = (message) => {
      if (message.type === MessageType.INVOCATION) {
        const [who, value] = message.payload.value().args;
        this.heard.push({ who, value });
        callee.yield(message.request, [value]);
      } else if (message.type === MessageType.EVENT) {
        const [who, value] = message.payload.value().args;
        this.heard.push({ who, value });
      }
    };
  }

  ask(who: number, kind: string, uri: string): void {
    const asker = this.askers[who];
    if (asker === undefined) return;
    this.#value += 1;
    const args = [who, this.#value];
    const request =
      kind === 'publish'
        ? asker.publish(uri, { args, acknowledge: true })
        : kind === 'call'
          ? asker.call(uri, { args })
          : asker.subscribe(uri);
    this.made.get(asker)?.push({ request, kind, uri, value: this.#value });
    this.gather();
  }

  /** Answers any of the open questions, in whatever order. */
  answer(which: number): void {
    const [question] = this.open.splice(which % Math.max(1, this.open.length), 1);
    if (question === undefined) return;
    this.core.authority.yield(question.invocation, [question.uri === 'ask.yes']);
    this.gather();
  }

  cancel(who: number, which: number): void {
    const asker = this.askers[who];
    const calls = this.made.get(asker as Client)?.filter(({ kind }) => kind === 'call') ?? [];
    const call = calls[which % Math.max(1, calls.length)];
    if (asker === undefined || call === undefined) return;
    asker.cancel(call.request, 'killnowait');
    this.gather();
  }

  gather(): void {
    this.open.push(...this.core.questions());
  }
}

/** The request an answer is for; undefined: it is an EVENT. */
function requestOf(message: Wire): number | undefined {
  if (message[0] === MessageType.EVENT) return undefined;
  return Number(message[0] === MessageType.ERROR ? message[2] : message[1]);
}

it('each request is answered once, in order, and does what it would have done at once, whenever the authorizer answers', () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 80 }), (commands) => {
      const run = new Run();
      for (const each of commands) {
        if (each.kind === 'answer') run.answer(each.which);
        else if (each.kind === 'cancel') run.cancel(each.who, each.which);
        else if (each.kind === 'silence') run.core.clock.advance(1999);
        else run.ask(each.who, each.kind, each.uri);
        if (each.kind === 'silence') run.gather();
      }
      while (run.open.length > 0) run.answer(0);
      for (const [who, asker] of run.askers.entries()) {
        const made = run.made.get(asker) ?? [];
        const answers = asker.take().filter((message) => requestOf(message) !== undefined);
        const uriOf = (message: Wire) => (message[0] === MessageType.ERROR ? message[4] : undefined);
        const canceled = new Set(
          answers.filter((message) => uriOf(message) === ErrorUri.CANCELED).map((message) => requestOf(message)),
        );
        expect(answers.map(requestOf).sort((a, b) => Number(a) - Number(b))).toEqual(
          made.map(({ request }) => request),
        );
        const inOrder = answers.filter((message) => !canceled.has(requestOf(message)));
        const expected = made.filter(({ request }) => !canceled.has(request));
        expect(inOrder.map(requestOf)).toEqual(expected.map(({ request }) => request));
        // Failed: the clock ran on while it was asked about; then it must have had no effect either.
        const failed = new Set(
          inOrder.filter((message) => uriOf(message) === ErrorUri.AUTHORIZATION_FAILED).map(requestOf),
        );
        for (const [i, message] of inOrder.entries()) {
          const { request, uri } = expected[i] ?? { request: 0, uri: '' };
          if (failed.has(request)) expect(uri).toMatch(/^ask\./);
          else expect(message[0] === MessageType.ERROR).toBe(!ALLOWED.has(uri));
        }
        const carriedOut = expected.filter(({ kind, uri, request }) => {
          return kind !== 'subscribe' && ALLOWED.has(uri) && !failed.has(request);
        });
        expect(run.heard.filter((each) => each.who === who).map(({ value }) => value)).toEqual(
          carriedOut.map(({ value }) => value),
        );
        expect(asker.session.held).toBeUndefined();
      }
      expect([run.core.realm.holding.bytes, run.core.realm.inquiries.size]).toEqual([0, 0]);
    }),
    { numRuns: 300 },
  );
});
