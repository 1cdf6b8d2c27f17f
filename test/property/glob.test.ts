import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { globMatches, literalHeadLength } from '../../src/router/glob.ts';
import { isValidUri } from '../../src/wamp/uri.ts';
import answers from './data/fnmatch.json' with { type: 'json' };

/** The definition without any cleverness: a star tries every length. For short patterns and texts. */
function naive(pattern: readonly string[], text: readonly string[]): boolean {
  const [first, ...rest] = pattern;
  if (first === undefined) return text.length === 0;
  if (first === '*') return naive(rest, text) || (text.length > 0 && naive(pattern, text.slice(1)));
  const [character, ...others] = text;
  if (character === undefined) return false;
  const set = first === '[' ? setOf(pattern) : undefined;
  if (set !== undefined) return set.has(character) !== set.negated && naive(pattern.slice(set.length), others);
  return (first === '?' || first === character) && naive(rest, others);
}

/** A set of plain characters, as the generator below makes them; undefined: the `[` is not closed. */
function setOf(pattern: readonly string[]) {
  const negated = pattern[1] === '!';
  const start = negated ? 2 : 1;
  const end = pattern.indexOf(']', start + 1);
  if (end === -1) return undefined;
  const characters = pattern.slice(start, end);
  return { negated, length: end + 1, has: (character: string) => characters.includes(character) };
}

const text = fc.array(fc.constantFrom('a', 'b', ':', '.', '[', '😀'), { maxLength: 7 });
const token = fc.constantFrom('a', 'b', ':', '.', '*', '*', '?', '[ab]', '[!ab]', '[', ']', '[]]', '[!😀]', '😀');

describe('fnmatch patterns (bub-v1 note 5, bub-v2 5.1)', () => {
  it('match as Python answers, row by row', () => {
    const wrong = answers.rows.filter(([pattern, asked, answer]) => {
      return globMatches(String(pattern), String(asked)) !== answer;
    });
    expect(wrong).toEqual([]);
    expect(answers.rows.length).toBeGreaterThan(2500);
  });

  it('match as the naive definition says, whatever pattern and text', () => {
    fc.assert(
      fc.property(fc.array(token, { maxLength: 6 }), text, (tokens, characters) => {
        const pattern = tokens.join('');
        expect(globMatches(pattern, characters.join(''))).toBe(naive([...pattern], characters));
      }),
      { numRuns: 20_000 },
    );
  });

  it('match texts of several words of places as they match short ones', () => {
    const long = fc.array(fc.constantFrom('a', 'b'), { minLength: 25, maxLength: 140 });
    fc.assert(
      fc.property(long, fc.array(fc.nat(140), { maxLength: 8 }), (characters, places) => {
        // A pattern that matches: the text with stars and question marks put in the place of some of it.
        const pattern = characters.map((character, i) =>
          places.includes(i) ? (i % 2 === 0 ? '*' : '?') : i % 5 === 0 ? `[${character}]` : character,
        );
        expect(globMatches(pattern.join(''), characters.join(''))).toBe(true);
        expect(globMatches(`${pattern.join('')}a`, `${characters.join('')}b`)).toBe(false);
        expect(globMatches(`b*${'a?'.repeat(12)}`, `a${characters.join('')}`)).toBe(false);
      }),
    );
  });

  it('never match the namespace of the router', () => {
    for (const pattern of ['*', 'w*', 'wamp.*', 'wamp*', '????.*', 'wamp.session.on_join']) {
      expect(globMatches(pattern, 'wamp.session.on_join')).toBe(false);
      expect(globMatches(pattern, 'wamp')).toBe(false);
    }
    expect(globMatches('wamp*', 'wampy')).toBe(true);
  });

  it('cost no more with 256 stars than with 256 letters: steps are places times tokens over 32, never their power', () => {
    const patterns = ['*'.repeat(256), '*a'.repeat(128), '?*'.repeat(128), `${'*[!b]'.repeat(51)}b`, 'a'.repeat(256)];
    for (const pattern of patterns) {
      expect(isValidUri(pattern, 'glob', false)).toBe(true);
      expect(globMatches(pattern, 'a'.repeat(256))).toBe(!pattern.endsWith('b'));
    }
  });

  it('may have 256 characters, and one at least', () => {
    expect([0, 1, 256, 257].map((length) => isValidUri('*'.repeat(length), 'glob', true))).toEqual([
      false,
      true,
      true,
      false,
    ]);
  });

  it('begin with what stands before the first special character', () => {
    const heads = ['tg:*', 'a[', '?x', 'plain', '*'].map((pattern) => literalHeadLength(pattern));
    expect(heads).toEqual([3, 1, 0, 5, 0]);
  });
});
