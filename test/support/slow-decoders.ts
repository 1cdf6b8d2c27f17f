/**
 * Obvious decoders of MessagePack and CBOR, strict and slow: the twins that the fenced scans must agree with on every
 * input. They share nothing with `src/serializers`; what they return is only good for comparing.
 */
const MAX_DEPTH = 256;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Thrown for what is not well-formed. */
export class Malformed extends Error {}

class Bytes {
  readonly view: DataView;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  take(count: number): Uint8Array {
    if (this.at + count > this.view.byteLength) throw new Malformed('cut off');
    this.at += count;
    return new Uint8Array(this.view.buffer, this.view.byteOffset + this.at - count, count);
  }

  uint(width: number): number {
    return this.take(width).reduce((sum, byte) => sum * 256 + byte, 0);
  }

  text(length: number): string {
    const bytes = this.take(length);
    try {
      return utf8.decode(bytes);
    } catch {
      throw new Malformed('not UTF-8');
    }
  }
}

/** The one value that is the whole of `bytes`. @throws Malformed */
export function slowMsgpack(bytes: Uint8Array): unknown {
  return whole(bytes, msgpackValue);
}

/** The one value that is the whole of `bytes`. @throws Malformed, also for a key that comes twice */
export function slowCbor(bytes: Uint8Array): unknown {
  return whole(bytes, cborValue);
}

function whole(input: Uint8Array, read: (bytes: Bytes, depth: number) => unknown): unknown {
  const bytes = new Bytes(input);
  const value = read(bytes, 0);
  if (bytes.at !== input.length) throw new Malformed('bytes after the end');
  return value;
}

function msgpackValue(bytes: Bytes, depth: number): unknown {
  const type = bytes.uint(1);
  const list = (count: number): unknown[] => {
    if (depth + 1 > MAX_DEPTH) throw new Malformed('too deep');
    const items: unknown[] = [];
    for (let i = 0; i < count; i++) items.push(msgpackValue(bytes, depth + 1));
    return items;
  };
  const map = (count: number): unknown => ({ map: list(count * 2) });
  const extension = (length: number): unknown => ({ type, extension: bytes.uint(1), data: [...bytes.take(length)] });
  const number = (width: number, read: (view: DataView, at: number) => number | bigint): number | bigint => {
    bytes.take(width);
    return read(bytes.view, bytes.at - width);
  };
  if (type < 0x80) return type;
  if (type < 0x90) return map(type - 0x80);
  if (type < 0xa0) return list(type - 0x90);
  if (type < 0xc0) return bytes.text(type - 0xa0);
  if (type >= 0xe0) return type - 256;
  const readers: Record<number, () => unknown> = {
    192: () => null,
    194: () => false,
    195: () => true,
    196: () => ({ binary: [...bytes.take(bytes.uint(1))] }),
    197: () => ({ binary: [...bytes.take(bytes.uint(2))] }),
    198: () => ({ binary: [...bytes.take(bytes.uint(4))] }),
    199: () => extension(bytes.uint(1)),
    200: () => extension(bytes.uint(2)),
    201: () => extension(bytes.uint(4)),
    202: () => number(4, (view, at) => view.getFloat32(at)),
    203: () => number(8, (view, at) => view.getFloat64(at)),
    204: () => bytes.uint(1),
    205: () => bytes.uint(2),
    206: () => bytes.uint(4),
    207: () => number(8, (view, at) => view.getBigUint64(at)),
    208: () => number(1, (view, at) => view.getInt8(at)),
    209: () => number(2, (view, at) => view.getInt16(at)),
    210: () => number(4, (view, at) => view.getInt32(at)),
    211: () => number(8, (view, at) => view.getBigInt64(at)),
    212: () => extension(1),
    213: () => extension(2),
    214: () => extension(4),
    215: () => extension(8),
    216: () => extension(16),
    217: () => bytes.text(bytes.uint(1)),
    218: () => bytes.text(bytes.uint(2)),
    219: () => bytes.text(bytes.uint(4)),
    220: () => list(bytes.uint(2)),
    221: () => list(bytes.uint(4)),
    222: () => map(bytes.uint(2)),
    223: () => map(bytes.uint(4)),
  };
  const read = readers[type];
  if (read === undefined) throw new Malformed('unused byte');
  return read();
}

const BREAK = Symbol('break');

function cborValue(bytes: Bytes, depth: number): unknown {
  const item = cborItem(bytes, depth);
  if (item === BREAK) throw new Malformed('break where a value is expected');
  return item;
}

function cborItem(bytes: Bytes, depth: number): unknown {
  const first = bytes.uint(1);
  const major = first >> 5;
  const info = first & 31;
  if (info >= 28 && info <= 30) throw new Malformed('reserved head');
  if (major === 7) return cborSimple(bytes, info);
  const argument = info < 24 ? info : info === 31 ? undefined : bytes.uint(1 << (info - 24));
  switch (major) {
    case 0:
      return { integer: definite(argument) };
    case 1:
      return { negative: definite(argument) };
    case 2:
      return { binary: argument === undefined ? cborChunks(bytes, 2) : [...bytes.take(argument)] };
    case 3:
      return argument === undefined ? (cborChunks(bytes, 3) as string[]).join('') : bytes.text(argument);
    case 4:
      return cborItems(bytes, depth + 1, argument);
    case 5:
      return cborMap(bytes, depth + 1, argument);
    default:
      definite(argument);
      if (depth + 1 > MAX_DEPTH) throw new Malformed('too deep');
      return { tag: argument, value: cborValue(bytes, depth + 1) };
  }
}

function definite(argument: number | undefined): number {
  if (argument === undefined) throw new Malformed('a number of indefinite length');
  return argument;
}

function cborSimple(bytes: Bytes, info: number): unknown {
  if (info === 31) return BREAK;
  if (info < 24) return { simple: info };
  if (info > 24) return { float: [...bytes.take(1 << (info - 24))] };
  const simple = bytes.uint(1);
  if (simple < 32) throw new Malformed('simple value in a reserved form');
  return { simple };
}

function cborChunks(bytes: Bytes, major: number): unknown[] {
  const result: unknown[] = [];
  for (;;) {
    const first = bytes.uint(1);
    if (first === 0xff) return result;
    const info = first & 31;
    if (first >> 5 !== major || info > 27) throw new Malformed('foreign chunk');
    const length = info < 24 ? info : bytes.uint(1 << (info - 24));
    if (major === 3) result.push(bytes.text(length));
    else result.push(...bytes.take(length));
  }
}

function cborItems(bytes: Bytes, depth: number, count: number | undefined): unknown[] {
  if (depth > MAX_DEPTH) throw new Malformed('too deep');
  const items: unknown[] = [];
  for (let i = 0; count === undefined || i < count; i++) {
    const item = count === undefined ? cborItem(bytes, depth) : cborValue(bytes, depth);
    if (item === BREAK) return items;
    items.push(item);
  }
  return items;
}

function cborMap(bytes: Bytes, depth: number, pairs: number | undefined): unknown {
  if (depth > MAX_DEPTH) throw new Malformed('too deep');
  const keys = new Set<string>();
  const entries: [unknown, unknown][] = [];
  for (let i = 0; pairs === undefined || i < pairs; i++) {
    const start = bytes.at;
    const key = pairs === undefined ? cborItem(bytes, depth) : cborValue(bytes, depth);
    if (key === BREAK) break;
    const raw = new Uint8Array(bytes.view.buffer, bytes.view.byteOffset + start, bytes.at - start);
    // Texts are the same key however they were cut; other keys where their bytes are the same.
    keys.add(typeof key === 'string' ? `text ${key}` : `other ${raw.join()}`);
    entries.push([key, cborValue(bytes, depth)]);
  }
  if (keys.size !== entries.length) throw new Malformed('the same key twice');
  return { entries };
}
