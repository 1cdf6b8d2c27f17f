import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from '../../../../src/adapters/bub/jsonrpc.ts';
import { UsualAnswer } from '../../../../src/adapters/bub/usual-answer.ts';

/** What the next answer is read as, after a first one. */
function readAfter(first: string, next: string) {
  const usual = new UsualAnswer();
  const message = parse(first);
  if (message.kind === 'response') usual.learn(message);
  return usual.read(next);
}

describe('the usual answer of a peer', () => {
  const answer = (id: unknown, status = 'ok') =>
    `{"jsonrpc":"2.0","id":${id},"result":{"processed":true,"status":"${status}","message":"done"}}`;

  it('is known by its text, whatever its id', () => {
    expect(readAfter(answer(1), answer(20735))).toEqual(parse(answer(20735)));
    expect(readAfter(answer(99), answer(0))).toEqual(parse(answer(0)));
  });

  it('is known where the id stands last, with any spacing, and as an error', () => {
    const last = (id: number) => `{ "error" : {"code": -1, "message": "no"}, "jsonrpc": "2.0", "id" : ${id} }`;
    expect(readAfter(last(7), last(8))).toEqual(parse(last(8)));
  });

  it('is another text where anything but the id differs', () => {
    expect(readAfter(answer(1), answer(2, 'no'))).toBeUndefined();
    expect(readAfter(answer(1), `${answer(2)} `)).toBeUndefined();
    expect(readAfter(answer(1), answer(2).slice(0, -1))).toBeUndefined();
  });

  it.each(['', '01', '-1', '1.0', '1e3', '"2"', 'null', ' 2', '9007199254740993', '2,"id":3'])(
    'has a plain integer for its id: %s is read in full',
    (id) => {
      expect(readAfter(answer(1), answer(id))).toBeUndefined();
    },
  );

  it('goes by the last of equal keys, as JSON.parse does', () => {
    const twice = (first: number, second: number) => `{"id":${first},"result":{},"\\u0069d":${second}}`;
    expect(readAfter(twice(1, 2), twice(1, 3))).toEqual(parse(twice(1, 3)));
    expect(readAfter(twice(1, 2), twice(5, 2))).toBeUndefined();
  });

  it('says of any text what parsing says, or nothing', () => {
    const piece = fc.constantFrom(
      '{',
      '}',
      '"id":',
      '"result":{}',
      '"error":{"code":1}',
      ',',
      '1',
      '23',
      '0',
      ' ',
      '"a":',
    );
    const text = fc.array(piece, { maxLength: 9 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(text, text, fc.nat(), fc.nat(), (before, behind, one, two) => {
        const message = (id: number) => `{${before}"id":${id}${behind}}`;
        const read = readAfter(message(one), message(two));
        if (read !== undefined) expect(read).toEqual(parse(message(two)));
      }),
      { numRuns: 2000 },
    );
  });
});
