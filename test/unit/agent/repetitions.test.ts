import { expect, it } from 'vitest';
import { Repetitions } from '../../../src/agent/repetitions.ts';

it('the second message with one _retry is a repetition, the first and those without are not', () => {
  const repetitions = new Repetitions();
  const seen = [{ _retry: 'a' }, { _retry: 'b' }, { _retry: 'a' }, {}, {}].map((kwargs) =>
    repetitions.isRepetition(kwargs),
  );
  expect(seen).toEqual([false, false, true, false, false]);
});

it("an id is its sender's own: nobody can make another's message look like a repetition", () => {
  const repetitions = new Repetitions();
  expect(repetitions.isRepetition({ _retry: 'a' }, 'mallory')).toBe(false);
  expect(repetitions.isRepetition({ _retry: 'a' }, 'planner')).toBe(false);
  expect(repetitions.isRepetition({ _retry: 'a' }, 'planner')).toBe(true);
});

it('what is remembered is bounded, the oldest is forgotten first', () => {
  const repetitions = new Repetitions(2);
  for (const id of ['a', 'b', 'c']) repetitions.isRepetition({ _retry: id });
  expect(repetitions.isRepetition({ _retry: 'c' })).toBe(true);
  expect(repetitions.isRepetition({ _retry: 'a' })).toBe(false);
});

it('an id that is no text is none', () => {
  const repetitions = new Repetitions();
  expect([1, 1, null, null].map((id) => repetitions.isRepetition({ _retry: id }))).toEqual(Array(4).fill(false));
  expect(() => new Repetitions(0)).toThrow(RangeError);
});
