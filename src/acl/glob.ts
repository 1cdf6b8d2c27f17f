/**
 * Glob rules, and the one place that touches micromatch.
 *
 * micromatch knows `/` and not `.`, negates on `!`, expands braces and extglobs, and with many stars takes a time that
 * grows with a power of the text, which clients choose. So it sees one component at a time, with one star at most and
 * all other special characters refused or escaped; the components are then matched here, in linear steps for each.
 */
import micromatch from 'micromatch';

/** Tells whether one component fits. */
export type ComponentTest = (component: string) => boolean;

/** Any number of components, none included. */
export const ANY_NUMBER = '**';

/** What a matcher or a shell may read as more than itself; spaces and `#` stand in no valid URI. */
const UNSUPPORTED = /^!|[{}()|\\\s#]/u;

/** A character set, a star, a question mark, or any other character. */
const TOKENS = /\[!?[^[\]!^][^[\]]*\]|[\s\S]/gu;

const OPTIONS = {
  dot: true,
  literalBrackets: false,
  nobrace: true,
  noext: true,
  noglobstar: true,
  nonegate: true,
  windows: false,
};

/** Whether a component is more than literal text. */
export function isSpecial(component: string): boolean {
  return /[*?[]/.test(component);
}

/**
 * Compiles one component of a glob other than `**` and `{authid}`: literal text, `?`, `[abc]`, `[!abc]`, and one `*`.
 * @throws Error saying what is wrong with it, for the one who wrote the rule
 */
export function compileComponent(component: string): ComponentTest {
  const unsupported = UNSUPPORTED.exec(component)?.[0];
  if (unsupported !== undefined) {
    throw new Error(
      `${JSON.stringify(unsupported)} has no meaning in a glob; *, **, ?, [abc], [!abc] and {authid} have`,
    );
  }
  if (component.split('*').length > 2) {
    throw new Error(`"${component}" has more than one *; ** stands alone between dots`);
  }
  if (!isSpecial(component)) return (text) => text === component;
  const translated = component.replace(TOKENS, translate);
  const compiled = micromatch.makeRe(translated, OPTIONS);
  return (text) => compiled.test(text.replaceAll('/', '#'));
}

/** Stands for `/` in names; a name that has it matches nothing. */
const SLASH = '\u0001';

/**
 * Compiles a glob for names of bridge peers, in which `*` crosses everything: `tg:*`, `agent:[ab]?`.
 * @param glob as the schema of realm files lets it through: one `*`, sets that are closed, no other specials
 */
export function compileName(glob: string): (name: string) => boolean {
  if (!isSpecial(glob)) return (name) => name === glob;
  const compiled = micromatch.makeRe(glob.replaceAll('/', SLASH).replace(TOKENS, translate), OPTIONS);
  return (name) => !name.includes(SLASH) && compiled.test(name.replaceAll('/', SLASH));
}

/** `/` would end a path segment for micromatch, so `#` stands for it, which no valid URI has. */
function translate(token: string): string {
  if (token === '*' || token === '?') return token;
  if (token.length > 2 && token.startsWith('[')) return translateSet(token);
  if (token === '[') throw new Error('a [ is not closed in its component, or its set is empty');
  const literal = token === '/' ? '#' : token;
  // Letters must stay bare, `\d` would be a digit; everything else is literal with a backslash.
  return /[\p{L}\p{N}]/u.test(literal) ? literal : `\\${literal}`;
}

function translateSet(set: string): string {
  if (/[\ud800-\udfff]/.test(set)) throw new Error(`${set} has characters that cannot stand in a set`);
  // micromatch reads `[!a]` as the characters ! and a.
  const asRegExp = set.startsWith('[!') ? `[^${set.slice(2)}` : set;
  const translated = asRegExp.replaceAll('/', '#');
  if (new RegExp(asRegExp).test('/') !== new RegExp(translated).test('#')) {
    throw new Error(`${set} spans one of / and # but not the other`);
  }
  return translated;
}

/**
 * Whether the components match. After a mismatch only the last `**` takes one component more, so there are at most
 * (components of the glob) × (components of the URI) tests.
 */
export function matchComponents(
  glob: readonly (ComponentTest | typeof ANY_NUMBER)[],
  components: readonly string[],
): boolean {
  let g = 0;
  let c = 0;
  let resumeGlob = -1;
  let resumeComponent = 0;
  while (c < components.length) {
    const test = glob[g];
    if (test === ANY_NUMBER) {
      resumeGlob = ++g;
      resumeComponent = c;
    } else if (test?.(components[c] ?? '') === true) {
      g++;
      c++;
    } else if (resumeGlob >= 0) {
      g = resumeGlob;
      c = ++resumeComponent;
    } else {
      return false;
    }
  }
  while (glob[g] === ANY_NUMBER) g++;
  return g === glob.length;
}
