/** Freezes a configuration all the way down, so that no part can change it under another. */

function refuse(): never {
  throw new TypeError('the configuration is frozen');
}

/** Freezes `value` and all it holds. Maps, which `Object.freeze` leaves open, throw on change. @returns `value` */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  if (value instanceof Map) {
    for (const item of value.values()) deepFreeze(item);
    for (const name of ['set', 'delete', 'clear']) Object.defineProperty(value, name, { value: refuse });
    Object.freeze(value);
    return value;
  }
  Object.freeze(value);
  for (const item of Object.values(value)) deepFreeze(item);
  return value;
}

/** `value` without keys that are undefined: optional properties here are absent, never undefined. */
export function compact<T extends object>(value: T): Compact<T> {
  return Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Compact<T>;
}

type Compact<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};
