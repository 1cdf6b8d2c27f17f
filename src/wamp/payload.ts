/**
 * What a message carries beside its header. The router routes on the header and hands the payload on: as the bytes
 * that came where the receiver speaks the same serializer, converted once per serializer where it does not.
 */

/** A dictionary as it came from or goes to the wire. */
export type Dict = Readonly<Record<string, unknown>>;

/** A payload in memory. Binary is Uint8Array, integers beyond ±2^53 are BigInt. */
export interface PayloadValue {
  readonly args: readonly unknown[];
  readonly kwargs: Dict | undefined;
}

/**
 * Encoded payload as it stands at the end of a message: `bytes` holds args, and kwargs where `elements` is 2, in the
 * serializer's own form (JSON: with the comma between). `elements` 0 means no payload; `bytes` is then empty.
 */
export interface PayloadTail {
  readonly bytes: Buffer;
  readonly elements: 0 | 1 | 2;
}

/** What a payload needs of a serializer; declared here so that payloads know none (ARCHITECTURE §1.2). */
export interface PayloadCodec {
  /** Slot of this codec in per-codec caches: 0 JSON, 1 MessagePack, 2 CBOR. */
  readonly index: 0 | 1 | 2;
  /**
   * @param parsed what proving the tail well-formed made of it in passing; the codec says whether that is its value
   * @throws WampError `invalid_argument` where the tail says something that has no value, e.g. a private extension.
   */
  decodePayload(tail: PayloadTail, parsed?: PayloadValue): PayloadValue;
  /** Whether some map of the payload has a key twice. @param value what `decodePayload` makes of the tail */
  repeatsKey(tail: PayloadTail, value: PayloadValue): boolean;
  /** @throws WampError `invalid_argument` where the value cannot be said in this encoding. */
  encodePayload(value: PayloadValue): PayloadTail;
}

const NO_BYTES = Buffer.alloc(0);
const EMPTY_TAIL: PayloadTail = { bytes: NO_BYTES, elements: 0 };
const EMPTY_VALUE: PayloadValue = { args: [], kwargs: undefined };

/** An immutable payload; see {@link Payload.raw} and {@link Payload.of} for its two origins. */
export class Payload {
  /** What an adapter that named the message has tied to it, for others that meet it. The router never looks at it. */
  companion: object | undefined = undefined;
  readonly #codec: PayloadCodec | undefined;
  #value: PayloadValue | undefined;
  /** See {@link PayloadCodec.decodePayload}. */
  #parsed: PayloadValue | undefined;
  #tail0: PayloadTail | undefined;
  #tail1: PayloadTail | undefined;
  #tail2: PayloadTail | undefined;
  /** Why an encoding has no words for this payload, by codec index: tried once, not once per receiver. */
  #refusals: unknown[] | undefined;

  private constructor(
    codec: PayloadCodec | undefined,
    tail: PayloadTail | undefined,
    value: PayloadValue | undefined,
    parsed?: PayloadValue,
  ) {
    this.#codec = codec;
    this.#value = value;
    this.#parsed = parsed;
    this.#tail0 = codec?.index === 0 ? tail : undefined;
    this.#tail1 = codec?.index === 1 ? tail : undefined;
    this.#tail2 = codec?.index === 2 ? tail : undefined;
  }

  /** No args, no kwargs. Absent and empty are the same (PITFALLS 31). */
  static readonly EMPTY = new Payload(undefined, EMPTY_TAIL, EMPTY_VALUE);

  /** A payload made by the router or an adapter. */
  static of(args: readonly unknown[], kwargs?: Dict): Payload {
    if (args.length === 0 && (kwargs === undefined || Object.keys(kwargs).length === 0)) return Payload.EMPTY;
    return new Payload(undefined, undefined, { args, kwargs });
  }

  /**
   * A payload as it came. The caller vouches that `tail` was proven well-formed to its end, that args is an array and
   * kwargs a map: it will be forwarded without another look (PITFALLS 74, 75). `tail.bytes` must not change
   * afterwards. `parsed` is what proving made of it in passing, for whoever asks for the value.
   */
  static raw(codec: PayloadCodec, tail: PayloadTail, parsed?: PayloadValue): Payload {
    return tail.elements === 0 ? Payload.EMPTY : new Payload(codec, tail, undefined, parsed);
  }

  /** Memory that keeping it takes, about: the bytes that came; 1 KiB where it was made in memory and none came. */
  get heldBytes(): number {
    if (this === Payload.EMPTY) return 0;
    const codec = this.#codec;
    return codec === undefined ? 1024 : (this.#slot(codec.index)?.bytes.length ?? 0);
  }

  /** Memory that keeping it takes, about, also where it was made in memory: that is measured, value by value. */
  get weight(): number {
    return this.#codec === undefined && this !== Payload.EMPTY ? weigh(this.#value) : this.heldBytes;
  }

  /** Which codec's bytes came; undefined: it was made in memory. */
  get codecIndex(): 0 | 1 | 2 | undefined {
    return this.#codec?.index;
  }

  /**
   * The same payload for whoever keeps it: in a buffer of its own, as the bytes that came are often a small part of a
   * large one, and without what conversions remember.
   */
  detached(): Payload {
    const codec = this.#codec;
    const tail = codec === undefined ? undefined : this.#slot(codec.index);
    if (codec === undefined || tail === undefined) return this;
    const bytes = Buffer.allocUnsafeSlow(tail.bytes.length);
    tail.bytes.copy(bytes);
    return new Payload(codec, { bytes, elements: tail.elements }, undefined);
  }

  /** The same payload as it came, sharing its bytes: what conversions remember is then forgotten with this one. */
  fresh(): Payload {
    const codec = this.#codec;
    return codec === undefined ? this : new Payload(codec, this.#slot(codec.index), undefined);
  }

  /** Lets go of what proving it well-formed made of it; whoever asks for its value has it decoded. */
  slim(): void {
    this.#parsed = undefined;
  }

  get isEmpty(): boolean {
    return this === Payload.EMPTY;
  }

  /**
   * Args and kwargs in memory; decodes, at most once.
   * @throws WampError `invalid_argument` where the sender's encoding said something no other encoding can
   */
  value(): PayloadValue {
    if (this.#value !== undefined) return this.#value;
    const codec = this.#codec;
    const tail = codec === undefined ? undefined : this.#slot(codec.index);
    if (codec === undefined || tail === undefined) return EMPTY_VALUE;
    const value = codec.decodePayload(tail, this.#parsed);
    this.#parsed = undefined;
    this.#value = value;
    return value;
  }

  /**
   * Whether some map of it, as it came, has a key twice, so that its receivers may see different values; walks over it.
   * @throws WampError as {@link value}
   */
  repeatsKey(): boolean {
    const codec = this.#codec;
    const tail = codec === undefined ? undefined : this.#slot(codec.index);
    return codec !== undefined && tail !== undefined && codec.repeatsKey(tail, this.value());
  }

  /**
   * The payload in `codec`'s encoding: the bytes that came where it is the sender's, else converted, at most once.
   * @throws WampError `invalid_argument` where it cannot be said in that encoding.
   */
  tail(codec: PayloadCodec): PayloadTail {
    if (this === Payload.EMPTY) return EMPTY_TAIL;
    const known = this.#slot(codec.index);
    if (known !== undefined) return known;
    const refusal = this.#refusals?.[codec.index];
    if (refusal !== undefined) throw refusal;
    let tail: PayloadTail;
    try {
      tail = codec.encodePayload(this.value());
    } catch (error) {
      this.#refusals ??= [undefined, undefined, undefined];
      this.#refusals[codec.index] = error;
      throw error;
    }
    if (codec.index === 0) this.#tail0 = tail;
    else if (codec.index === 1) this.#tail1 = tail;
    else this.#tail2 = tail;
    return tail;
  }

  #slot(index: 0 | 1 | 2): PayloadTail | undefined {
    return index === 0 ? this.#tail0 : index === 1 ? this.#tail1 : this.#tail2;
  }
}

/** What decoded values take in memory, about, in bytes. Nested no deeper than messages may be (PITFALLS 75). */
export function weigh(value: unknown): number {
  if (typeof value === 'string') return 16 + 2 * value.length;
  if (ArrayBuffer.isView(value)) return 64 + value.byteLength;
  if (typeof value !== 'object' || value === null) return 8;
  let sum = 32;
  for (const [key, inner] of Object.entries(value)) sum += weigh(inner) + (Array.isArray(value) ? 0 : 2 * key.length);
  return sum;
}
