import { PeerError } from '../agent/errors.ts';
import { ErrorUri } from '../wamp/errors.ts';
import type { Dict } from '../wamp/payload.ts';
import { parsed } from './client.ts';

/** Makes an answer of arguments. @throws PeerError where one that it names is missing */
export type Template = (args: readonly unknown[], kwargs: Dict) => unknown;

/** `{0}`, `{name}`, and the two ways to write a brace. */
const HOLE = /\{\{|\}\}|\{([^{}]+)\}/g;
const ONLY_HOLE = /^\{([^{}]+)\}$/;

/**
 * JSON, or text, in whose strings `{0}` stands for the first argument and `{name}` for a keyword argument. A string that
 * is nothing else becomes the argument itself, of whatever type.
 */
export function templateOf(text: string): Template {
  const value = parsed(text);
  return (args, kwargs) => filled(value, args, kwargs);
}

function filled(value: unknown, args: readonly unknown[], kwargs: Dict): unknown {
  if (typeof value === 'string') return filledText(value, args, kwargs);
  if (Array.isArray(value)) return value.map((item) => filled(item, args, kwargs));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, filled(item, args, kwargs)]));
}

function filledText(text: string, args: readonly unknown[], kwargs: Dict): unknown {
  const only = ONLY_HOLE.exec(text)?.[1];
  if (only !== undefined) return argument(only, args, kwargs);
  return text.replace(HOLE, (hole, name: string | undefined) => {
    if (name === undefined) return hole.slice(1);
    const value = argument(name, args, kwargs);
    return typeof value === 'string' ? value : JSON.stringify(value);
  });
}

function argument(name: string, args: readonly unknown[], kwargs: Dict): unknown {
  if (/^\d+$/.test(name) && Number(name) < args.length) return args[Number(name)];
  if (Object.hasOwn(kwargs, name)) return kwargs[name];
  throw new PeerError(ErrorUri.INVALID_ARGUMENT, [`argument ${name} is missing`]);
}
