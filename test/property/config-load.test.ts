import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatProblem } from '../../src/config/problem.ts';
import { REALM, ROUTER, withRealm, withRouter } from '../unit/config/support.ts';

const LINE = /^(config\/router|realms\/swarm)\.yaml:[1-9]\d*:[1-9]\d*: .+: \S/s;

/** `text` with a part replaced by something. */
function damaged(text: string): fc.Arbitrary<string> {
  const part = fc.oneof(
    fc.string(),
    fc.constantFrom('{', '[', ': ', '- ', '*a', '&a ', '!!x ', 'null', '\u0024{env:', '"', '\n', '<<: ', '? '),
  );
  return fc
    .tuple(fc.nat(text.length), fc.nat(20), part)
    .map(([from, length, inserted]) => text.slice(0, from) + inserted + text.slice(from + length));
}

describe('reading a configuration', () => {
  it.each([
    ['realms/swarm.yaml', REALM, withRealm],
    ['config/router.yaml', ROUTER, withRouter],
  ] as const)('never throws, and says every problem with its place: %s', (name, text, make) => {
    const set = make(text);
    fc.assert(
      fc.property(fc.oneof(damaged(text), fc.string()), (broken) => {
        set.write(name, broken);
        const result = set.load();
        for (const problem of result.ok ? result.config.warnings : result.problems) {
          expect(formatProblem(problem)).toMatch(LINE);
        }
        expect(result.ok || result.problems.length > 0).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
