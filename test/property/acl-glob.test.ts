import fc from 'fast-check';
import { expect, it } from 'vitest';
import { compileComponent } from '../../src/acl/glob.ts';

const token = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('a', 'b', 'd', 's', 'w', '1', 'é', '中') },
  { weight: 4, arbitrary: fc.constantFrom(...'!"$%&\'*+,-/:;<=>?@]^_`~') },
  { weight: 2, arbitrary: fc.constantFrom('[ab]', '[!ab]', '[a-d]', '[!0-9]', '[-a]', '[a/]', '[*]', '[?,]', '[&@+]') },
);

/** Each token by itself, as a regular expression of our own making. */
function reference(tokens: readonly string[]): RegExp {
  const translated = tokens.map((one) => {
    if (one === '*') return '[^]*';
    if (one === '?') return '[^]';
    if (one.length > 1) return one.replace('[!', '[^');
    return one.replace(/[$^+*?/\]-]/, '\\$&');
  });
  return new RegExp(`^(?=[^])${translated.join('')}$`);
}

it('a component of a glob means what its tokens mean one by one, whatever stands beside them', () => {
  fc.assert(
    fc.property(
      fc.array(token, { minLength: 1, maxLength: 6 }),
      fc.array(fc.constantFrom(...'abds1é中!"$%&\'*+,-/:;<=>?@[]^_`~'), { minLength: 1, maxLength: 6 }),
      (tokens, text) => {
        const glob = tokens.join('');
        fc.pre(glob.split('*').length <= 2 && !glob.startsWith('!'));
        const test = compileComponent(glob);
        const expected = reference(tokens);
        // The glob's own text with its wildcards filled in, too: a random text seldom matches.
        const filled = tokens
          .map((one) => (one === '*' ? text.join('') : one === '?' ? 'b' : (one[1] ?? one)))
          .join('');
        for (const each of [text.join(''), filled, `${filled}a`, `a${filled}`, filled.slice(1), glob]) {
          if (each !== '') expect(test(each), `${glob} on ${each}`).toBe(expected.test(each));
        }
      },
    ),
    { numRuns: 20_000 },
  );
});
