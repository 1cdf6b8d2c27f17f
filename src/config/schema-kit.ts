/**
 * The few zod types that the schema is made of. By convention every message is only what is *expected*: parse.ts puts
 * in front of it what was found, and where.
 */

import { z } from 'zod';

/** Any text. */
export function text(expected: string) {
  return z.string({ error: expected });
}

/** Text with at least one character. */
export function someText(expected: string) {
  return z.string({ error: expected }).min(1, { error: expected });
}

export function matching(pattern: RegExp, expected: string) {
  return z.string({ error: expected }).regex(pattern, { error: expected });
}

/** A whole number from `min` to `max`, both included. */
export function whole(min: number, max: number) {
  const error = `a whole number from ${min} to ${max}`;
  return z.number({ error }).int({ error }).min(min, { error }).max(max, { error });
}

export function flag() {
  return z.boolean({ error: 'true or false' });
}

export function choice<const T extends readonly [string, ...string[]]>(values: T) {
  return z.enum(values, { error: values.length === 1 ? values[0] : `one of ${values.join(', ')}` });
}

/** A map with these keys and no others. */
export function shape<T extends z.core.$ZodLooseShape>(keys: T) {
  const names = Object.keys(keys).join(', ');
  return z.strictObject(keys, {
    error: (issue) => (issue.code === 'unrecognized_keys' ? names : `a map with keys of ${names}`),
  });
}

/** A map whose keys the author chooses. */
export function named<T extends z.ZodType>(value: T, expected: string) {
  return z.record(z.string().min(1, { error: 'a key with at least one character' }), value, { error: expected });
}

export function list<T extends z.ZodType>(item: T, expected: string) {
  return z.array(item, { error: expected });
}

/** One value or a list of them; always a list afterwards. */
export function oneOrMore<T extends z.ZodType>(item: T, expected: string) {
  return z
    .union([item, z.array(item, { error: expected })], { error: expected })
    .transform((value): z.output<T>[] => (Array.isArray(value) ? value : [value as z.output<T>]));
}
