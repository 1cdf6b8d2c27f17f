import fc from 'fast-check';
import { expect, it } from 'vitest';
import { type Client, TestAuthorizer } from '../support/core.ts';
import { ask, metaCore } from '../support/meta.ts';

type Scope = 'detached' | 'destroyed';
type Command =
  | { readonly kind: 'add'; readonly who: number; readonly scope: Scope; readonly topic: string; readonly role: string }
  | { readonly kind: 'flush'; readonly who: number; readonly scope: Scope }
  | { readonly kind: 'leave'; readonly who: number }
  | { readonly kind: 'kill'; readonly who: number }
  | { readonly kind: 'killAll' }
  | { readonly kind: 'forbid'; readonly topic: string };

const who = fc.nat(3);
const scope = fc.constantFrom<Scope>('detached', 'destroyed');
const topic = fc.constantFrom('t.one', 't.two');
const commands: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('add' as const),
      who,
      scope,
      topic,
      role: fc.constantFrom('', 'ear', 'deaf'),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('flush' as const), who, scope }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom('leave' as const, 'kill' as const), who }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('killAll' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('forbid' as const), topic }) },
);

/** What one owner left, in the plainest form there is: a list, sorted when it is needed. */
interface Owner {
  readonly client: Client;
  readonly left: { readonly scope: Scope; readonly topic: string; readonly role: string; readonly number: number }[];
}

/** Runs the commands on a realm and on lists; returns what the listener heard and what it should have. */
function run(sequence: readonly Command[]): { heard: unknown[]; expected: unknown[] } {
  const core = metaCore();
  const listener = core.join({ authrole: 'ear' });
  listener.subscribed('t.', 'prefix');
  const owners: Owner[] = [0, 1, 2, 3].map(() => ({ client: core.join(), left: [] }));
  const forbidden = new Set<string>();
  const heard: unknown[] = [];
  const expected: unknown[] = [];
  const ended = (at: number): void => {
    const { left } = owners[at] ?? expect.fail();
    for (const wanted of ['detached', 'destroyed']) {
      for (const each of left) {
        if (each.scope === wanted && each.role !== 'deaf' && !forbidden.has(each.topic)) expected.push([each.number]);
      }
    }
    owners[at] = { client: core.join(), left: [] };
  };
  for (const [number, command] of sequence.entries()) {
    const { client, left } = owners['who' in command ? command.who : 0] ?? expect.fail();
    if (command.kind === 'add') {
      const { scope, topic, role } = command;
      const options = role === '' ? {} : { eligible_authrole: [role] };
      if (forbidden.has(topic)) continue;
      ask(client, 'wamp.session.add_testament', [topic, [number], {}], { scope, publish_options: options });
      left.push({ scope, topic, role, number });
    } else if (command.kind === 'flush') {
      ask(client, 'wamp.session.flush_testaments', [], { scope: command.scope });
      const kept = left.filter((each) => each.scope !== command.scope);
      left.splice(0, left.length, ...kept);
    } else if (command.kind === 'leave') {
      client.vanish();
      ended(command.who);
    } else if (command.kind === 'kill') {
      listener.call('wamp.session.kill', { args: [client.id] });
      ended(command.who);
    } else if (command.kind === 'killAll') {
      listener.call('wamp.session.kill_all');
      for (const at of owners.keys()) owners[at] = { client: core.join(), left: [] };
    } else {
      forbidden.add(command.topic);
      const authorizer = new TestAuthorizer();
      for (const topic of forbidden) authorizer.deny('publish', topic);
      core.realm.configure({ ...core.settings, authorizer });
    }
    heard.push(...listener.take().flatMap((message) => (message[0] === 36 ? [message[4]] : [])));
  }
  return { heard, expected };
}

it('PITFALLS 70: what is left, flushed and published is what lists say, over any sequence of commands', () => {
  fc.assert(
    fc.property(fc.array(commands, { maxLength: 60 }), (sequence) => {
      const { heard, expected } = run(sequence);
      expect(heard).toEqual(expected);
    }),
    { numRuns: 150 },
  );
});
