/** What docs/hardening.md says that `waggle check` says. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { files, good, ROUTER, warnings } from '../unit/config/support.ts';

const page = readFileSync(new URL('../../docs/hardening.md', import.meta.url), 'utf8');
const document = page.split('\n## ').slice(1, 7);
const KEY = '545efb0a2192db8d43f118e9bf9aee081466e1ef36c708b96ee6f62dddad9122';

const realm = (rules: string, more = 'environment: dev') => `realm: dev
${more}
principals: { planner: { role: agent, cryptosign: ${KEY} } }
roles:
  agent: [${rules}]
`;

/** What the blocks without a language hold: warnings, without their place in the file. */
const said = (section: string) => [...section.matchAll(/\n```\n(.*)\n```/g)].map(([, text = '']) => text);

/** The text in backquotes before each of them. */
const written = (section: string) =>
  [...section.matchAll(/`([^`\n]+)`(?: in the router file)?:\n\n```\n/g)].map(([, text = '']) => text);

function check(router: string, ...realms: string[]): string[] {
  const named = realms.map((text, i) => [`realms/${i}.yaml`, text]);
  const set = files({ 'config/router.yaml': router, ...Object.fromEntries(named) });
  return warnings(set.load({ PLANNER_TICKET: 'x' })).map((line) => line.replace(/^\S+:\d+:\d+: /, ''));
}

it('the page has the six lines of the checklist, in their words', () => {
  expect(document.map((section) => section.split('\n')[0])).toEqual([
    '1. "No authmethods → anonymous WAMP connection, any process can publish/subscribe"',
    '2. "Wildcard subscriptions without ACL → agent subscribes to all topics"',
    '3. "RPC without caller signature verification → any authenticated agent can invoke any procedure"',
    '4. "connection.onclose not handled → reconnection logic missing on network drop"',
    '5. "Realm not isolated per environment → dev/prod agents share topic space"',
    '6. "session.publish without acknowledge:true → no delivery confirmation for critical commands"',
  ]);
  for (const section of document) {
    for (const part of ['What goes wrong', 'What Waggle does', 'What to write', 'What the check says']) {
      expect(section).toContain(`**${part}`);
    }
  }
});

describe('the check says what the page says, word for word', () => {
  it.each([1, 2].flatMap((line) => written(document[line] ?? '').map((rule, i) => [line + 1, rule, i] as const)))(
    'line %i: %s',
    (line, rule, i) => {
      expect(check(ROUTER, realm(rule))).toEqual([said(document[line - 1] ?? '')[i]]);
    },
  );

  it.each([3, 5].flatMap((line) => written(document[line] ?? '').map((option, i) => [line + 1, option, i] as const)))(
    'line %i: %s',
    (line, option, i) => {
      expect(check(`${ROUTER}${option}\n`, realm(''))).toEqual([said(document[line - 1] ?? '')[i]]);
    },
  );

  it('line 1: anonymous', () => {
    const [option] = written(document[0] ?? '');
    expect(check(ROUTER, realm('', `environment: dev\n${option}`))).toEqual(said(document[0] ?? ''));
  });

  it('line 5: no environment, and a credential that opens two', () => {
    const other = realm('').replace('realm: dev\nenvironment: dev', 'realm: prod\nenvironment: prod');
    const none = check(ROUTER, realm('', '').replace('\n\n', '\n'));
    expect([...none, ...check(ROUTER, realm(''), other)]).toEqual(said(document[4] ?? ''));
  });

  it('as many as there are', () => {
    expect(document.map((section) => said(section).length)).toEqual([1, 1, 2, 2, 2, 1]);
  });
});

it('what it advises to write is good, without warnings', () => {
  const [, rules] = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text = '']) => text);
  const set = files({ 'config/router.yaml': ROUTER, 'realms/a.yaml': `realm: a\nenvironment: dev\n${rules}` });
  expect(good(set.load({ PLANNER_TICKET: 'x' })).warnings).toEqual([]);
});
