import micromatch from 'micromatch';
import { describe, expect, it } from 'vitest';
import { ANY_NUMBER, type ComponentTest, compileComponent, matchComponents } from '../../../src/acl/glob.ts';

describe('micromatch as it is: the facts that the translation stands on', () => {
  it.each([
    ['com.*', 'com.a.b', true, 'a dot separates nothing'],
    ['com.*', 'com.a/b', false, 'a slash separates'],
    ['*', '.a', false, 'a star leaves a leading dot out'],
    ['!x', 'y', true, '! negates'],
    ['{a,b}', 'b', true, 'braces expand'],
    ['+(a)', 'aaa', true, 'extglobs are live'],
    ['[!ab]', 'c', false, '[!ab] is a set of !, a and b'],
    ['[ab]', '[ab]', true, 'a set also matches its own text'],
    ['a/**', 'a', true, '** may stand for nothing'],
  ])('%s on %s: %s, %s', (glob, text, expected) => {
    expect(micromatch.isMatch(text, glob)).toBe(expected);
  });
});

describe('one component of a glob', () => {
  it.each<[glob: string, yes: string[], no: string[]]>([
    ['abc', ['abc'], ['ABC', 'abcd', 'xabc']],
    ['*', ['a', 'a/b', '/', '!', '中文', '😀', '-'], ['']],
    ['a*', ['a', 'ab', 'a/b/c'], ['b', 'ba']],
    ['*a', ['a', 'ba', '/a'], ['ab']],
    ['a*c', ['ac', 'abc', 'a/c'], ['a', 'acb']],
    ['?', ['a', '/'], ['', 'ab']],
    ['a?c', ['abc', 'a/c'], ['ac', 'abbc']],
    ['[ab]c', ['ac', 'bc'], ['cc', '[ab]c', 'c']],
    ['[!ab]', ['c', '/', '!'], ['a', 'b', 'cc']],
    ['[a-c]*', ['a', 'cx'], ['dx']],
    ['[a/]', ['a', '/'], ['b']],
    ['a/*', ['a/b', 'a/'], ['a', 'ab']],
    ['d*', ['d1'], ['1', '11']],
    ['a+b*', ['a+b', 'a+bc'], ['aab', 'ab']],
    ['x!*', ['x!', 'x!y'], ['x']],
    ['$^*', ['$^', '$^a'], ['', 'a']],
    ['@*', ['@', '@a'], ['a']],
    ['é*', ['é', 'éa'], ['e']],
    ['😀*', ['😀', '😀a'], ['a']],
    ['"a"*', ['"a"b'], ['ab']],
    ['a]*', ['a]', 'a]b'], ['a']],
    ['-*', ['-', '-a'], ['a']],
    ['~*', ['~a'], ['a']],
  ])('%s', (glob, yes, no) => {
    const test = compileComponent(glob);
    expect(yes.filter((text) => !test(text))).toEqual([]);
    expect(no.filter((text) => test(text))).toEqual([]);
  });

  it.each([
    '!a',
    '{a,b}',
    '+(a)',
    '@(a|b)',
    'a|b',
    '\\d',
    'a b',
    'a#b',
    '[a',
    '[]',
    '[z-a]',
    'a*b*',
    '***',
    '["-$]',
    '[+-9]',
    '[😀]',
  ])('%s is refused rather than half understood', (glob) => {
    expect(() => compileComponent(glob)).toThrow();
  });
});

describe('components of a glob', () => {
  /** As one would define it. */
  function naive(glob: readonly string[], parts: readonly string[]): boolean {
    const [first, ...rest] = glob;
    if (first === undefined) return parts.length === 0;
    if (first === ANY_NUMBER) return naive(rest, parts) || (parts.length > 0 && naive(glob, parts.slice(1)));
    return parts.length > 0 && (first === '*' || first === parts[0]) && naive(rest, parts.slice(1));
  }

  function* sequences(alphabet: readonly string[], longest: number): Iterable<string[]> {
    if (longest > 0)
      for (const rest of sequences(alphabet, longest - 1)) for (const one of alphabet) yield [one, ...rest];
    if (longest === 0) yield [];
  }

  const upTo = (alphabet: readonly string[], longest: number) =>
    Array.from({ length: longest + 1 }, (_, length) => [...sequences(alphabet, length)]).flat();

  it('match as the definition says, for every short glob and URI', () => {
    const uris = upTo(['a', 'b'], 5);
    for (const glob of upTo(['a', 'b', '*', ANY_NUMBER], 4)) {
      const tests = glob.map((part): ComponentTest | typeof ANY_NUMBER =>
        part === ANY_NUMBER ? ANY_NUMBER : (text: string) => part === '*' || part === text,
      );
      for (const uri of uris) {
        expect(matchComponents(tests, uri), `${glob.join('.')} on ${uri.join('.')}`).toBe(naive(glob, uri));
      }
    }
  });

  it('a hostile URI costs at most components of the glob × components of the URI', () => {
    let steps = 0;
    const counting: ComponentTest = (text) => {
      steps++;
      return text === 'a';
    };
    const never: ComponentTest = () => {
      steps++;
      return false;
    };
    const glob: (ComponentTest | typeof ANY_NUMBER)[] = [
      ...Array.from({ length: 30 }, () => [ANY_NUMBER, counting, counting] as const).flat(),
      ANY_NUMBER,
      never,
    ];
    const uri = new Array<string>(512).fill('a');
    expect(matchComponents(glob, uri)).toBe(false);
    expect(steps).toBeLessThanOrEqual(glob.length * uri.length);
  });

  it('a hostile component of the longest URI costs no power of its length', () => {
    const test = compileComponent('a?a*aaaaaaaaab');
    // Backtracking over more than one star would take hours here.
    expect(test('a'.repeat(65_535))).toBe(false);
    expect(test(`${'a'.repeat(65_535)}b`)).toBe(true);
  });
});
