import { ErrorUri, WampError } from '../../wamp/errors.ts';
import { isDict } from '../../wamp/features.ts';
import { isId, MAX_ID } from '../../wamp/ids.ts';
import type { Dict, PayloadValue } from '../../wamp/payload.ts';

/**
 * What a meta procedure was called with. Every reader refuses what is not of its type with
 * `wamp.error.invalid_argument` that names the argument (PITFALLS 67); `null` counts as absent where absence is allowed.
 */
export class Arguments {
  readonly #args: readonly unknown[];
  readonly #kwargs: Dict;

  /** @throws WampError where there are fewer than `least` or more than `most` positional arguments */
  constructor({ args, kwargs = {} }: PayloadValue, least: number, most: number) {
    if (args.length < least || args.length > most) {
      const expected = least === most ? `${least}` : `${least} to ${most}`;
      throw new WampError(ErrorUri.INVALID_ARGUMENT, `${expected} positional arguments expected, got ${args.length}`);
    }
    this.#args = args;
    this.#kwargs = kwargs;
  }

  id(at: number): number {
    return idOf(this.#args[at], `argument ${at + 1}`, 'id');
  }

  text(at: number): string {
    const value = this.#args[at];
    if (typeof value !== 'string') throw wrong(`argument ${at + 1}`, 'string');
    return value;
  }

  texts(at: number): readonly string[] | undefined {
    const list = this.list(at);
    if (list?.every((each) => typeof each === 'string') === false) throw wrong(`argument ${at + 1}`, 'list of strings');
    return list as readonly string[] | undefined;
  }

  list(at: number): readonly unknown[] | undefined {
    const value = this.#args[at] ?? undefined;
    if (value !== undefined && !Array.isArray(value)) throw wrong(`argument ${at + 1}`, 'list');
    return value;
  }

  dictionary(at: number): Dict | undefined {
    return dictionary(this.#args[at], `argument ${at + 1}`);
  }

  /** A keyword argument as it is; `null` is absent. */
  named(key: string): unknown {
    return Object.hasOwn(this.#kwargs, key) ? (this.#kwargs[key] ?? undefined) : undefined;
  }

  namedText(key: string): string | undefined {
    const value = this.named(key);
    if (value !== undefined && typeof value !== 'string') throw wrong(key, 'string');
    return value;
  }

  namedFlag(key: string): boolean | undefined {
    const value = this.named(key);
    if (value !== undefined && typeof value !== 'boolean') throw wrong(key, 'true or false');
    return value;
  }

  /** A positive integer up to 2^53: an id, or how many. */
  namedId(key: string): number | undefined {
    const value = this.named(key);
    return value === undefined ? undefined : idOf(value, key, 'positive integer');
  }

  namedDictionary(key: string): Dict | undefined {
    return dictionary(this.named(key), key);
  }
}

function idOf(value: unknown, where: string, expected: string): number {
  // 2^53 is a legal id and beyond what decoders hand out as a number (PITFALLS 22).
  const id = typeof value === 'bigint' && value <= BigInt(MAX_ID) ? Number(value) : value;
  if (!isId(id)) throw wrong(where, expected);
  return id;
}

function dictionary(value: unknown, where: string): Dict | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isDict(value)) throw wrong(where, 'dictionary');
  return value;
}

function wrong(where: string, expected: string): WampError {
  return new WampError(ErrorUri.INVALID_ARGUMENT, `${where}: ${expected} expected`);
}
