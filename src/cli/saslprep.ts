import { NoSecret } from './read-secret.ts';

/** RFC 3454, tables C.1.2 and B.1: other spaces than U+0020, and what is left out. */
const SPACES = /[\u00a0\u1680\u2000-\u200b\u202f\u205f\u3000]/gu;
const NOTHING = /\u00ad|\u034f|\u1806|[\u180b-\u180d]|\u200c|\u200d|\u2060|[\ufe00-\ufe0f]|\ufeff/gu;

/** Tables C.2 to C.9, and A.1 of the Unicode of today: what a password must not hold once it is mapped and composed. */
const PROHIBITED: readonly (readonly [RegExp, string])[] = [
  [
    /[\p{Cc}\p{Zl}\p{Zp}\u06dd\u070f\u180e\u2061-\u2063\u206a-\u206f\ufff9-\ufffc\u{1d173}-\u{1d17a}]/u,
    'control characters',
  ],
  [/\p{Co}/u, 'characters for private use'],
  [/\p{Cs}/u, 'half characters (surrogates)'],
  [/[\ufffd\u2ff0-\u2ffb]/u, 'characters that stand for others'],
  [/[\u0340\u0341\u200e\u200f\u202a-\u202e]/u, 'characters that change how others are shown'],
  [/[\u{e0001}\u{e0020}-\u{e007f}]/u, 'tags'],
  [/\p{Cn}/u, 'characters that do not exist'],
];

/** Letters that are written from right to left (table D.1, by script), and all other letters. */
const RIGHT_TO_LEFT = /[\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}]/u;
const LEFT_TO_RIGHT = /(?![\p{Script=Hebrew}\p{Script=Arabic}\p{Script=Syriac}\p{Script=Thaana}])\p{L}/u;

/**
 * SASLprep (RFC 4013): the one form of a password that all who type it derive the same key from.
 * @throws NoSecret where it holds what no client would accept; the message says what, not where
 */
export function saslprep(password: string): string {
  const mapped = password.replace(SPACES, ' ').replace(NOTHING, '').normalize('NFKC');
  if (mapped === '') throw new NoSecret('the password holds nothing that shows');
  for (const [characters, what] of PROHIBITED) {
    if (characters.test(mapped)) throw new NoSecret(`the password holds ${what}, which SCRAM does not allow`);
  }
  if (RIGHT_TO_LEFT.test(mapped)) {
    const all = [...mapped];
    const ends = [all.at(0), all.at(-1)].every((each) => each !== undefined && RIGHT_TO_LEFT.test(each));
    if (!ends || LEFT_TO_RIGHT.test(mapped)) {
      throw new NoSecret('the password mixes directions of writing, which SCRAM does not allow');
    }
  }
  return mapped;
}
