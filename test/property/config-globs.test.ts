import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compilePattern } from '../../src/acl/patterns.ts';
import { uriProblem } from '../../src/config/patterns.ts';

const part = fc.string({ unit: fc.constantFrom(...'ab*?[]!-+^.{}()|/@,~'), minLength: 1, maxLength: 8 });

describe('patterns in realm files', () => {
  it('what the schema accepts can be compiled, so that a reload never stops half way', () => {
    fc.assert(
      fc.property(part, fc.constantFrom('exact', 'prefix', 'wildcard', 'glob'), (uri, match) => {
        fc.pre(uriProblem(uri, match, false, true) === undefined);
        expect(() => compilePattern(uri, match).scope('p').matches('a.b')).not.toThrow();
      }),
      { numRuns: 5000 },
    );
  });
});
