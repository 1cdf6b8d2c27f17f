/**
 * WAMP as the load generator and the null router write and read it: whole messages through the libraries where time
 * does not matter, and by their bytes where it does.
 */
import { Decoder, Encoder } from 'cbor-x';
import { Packr, Unpackr } from 'msgpackr';

const packr = new Packr({ useRecords: false, variableMapSize: true });
const unpackr = new Unpackr({ useRecords: false, int64AsType: 'number' });
const cborEncoder = new Encoder({ useRecords: false, variableMapSize: true, tagUint8Array: false });
const cborDecoder = new Decoder({ useRecords: false });

/** Requests count from here, so that their ids always take the same number of bytes. */
export const FIRST_ID = 1_000_000;

const UINT32_HEAD = { msgpack: 0xce, cbor: 0x1a };

/** One encoding: how its messages begin, and where the first id stands behind the type. */
export const WIRES = {
  json: {
    name: 'json',
    binary: false,
    encode: (message) => Buffer.from(JSON.stringify(message)),
    decode: (bytes) => JSON.parse(bytes.toString('utf8')),
    type: (bytes, at) => (bytes[at + 1] - 48) * 10 + (bytes[at + 2] - 48),
    idAt: (at) => at + 4,
    readId(bytes, at) {
      let id = 0;
      for (let i = at; bytes[i] >= 48 && bytes[i] <= 57; i += 1) id = id * 10 + bytes[i] - 48;
      return id;
    },
    behindId(bytes, at) {
      let i = at;
      while (bytes[i] >= 48 && bytes[i] <= 57) i += 1;
      return i;
    },
    writeId(bytes, at, id) {
      bytes.latin1Write(`${id}`, at);
    },
  },
  msgpack: binaryWire(
    'msgpack',
    (value) => packr.pack(value),
    (bytes) => unpackr.unpack(bytes),
    {
      // 0x9n and one byte of type
      typeAt: 1,
      idAt: 2,
      widths: { 204: 1, 205: 2, 206: 4, 207: 8 },
      small: 0x80,
    },
  ),
  cbor: binaryWire(
    'cbor',
    (value) => cborEncoder.encode(value),
    (bytes) => cborDecoder.decode(bytes),
    {
      // 0x8n, 0x18 and one byte of type
      typeAt: 2,
      idAt: 3,
      widths: { 24: 1, 25: 2, 26: 4, 27: 8 },
      small: 0x18,
    },
  ),
};

function binaryWire(name, encode, decode, { typeAt, idAt, widths, small }) {
  return {
    name,
    binary: true,
    encode: (message) => Buffer.from(encode(message)),
    decode,
    type: (bytes, at) => (bytes[at + typeAt] < 24 && name === 'cbor' ? bytes[at + 1] : bytes[at + typeAt]),
    idAt: (at) => at + idAt,
    readId(bytes, at) {
      const first = bytes[at];
      if (first < small) return first;
      const width = widths[first];
      return width === 8
        ? bytes.readUInt32BE(at + 1) * 2 ** 32 + bytes.readUInt32BE(at + 5)
        : bytes.readUIntBE(at + 1, width);
    },
    behindId: (bytes, at) => at + 1 + (bytes[at] < small ? 0 : widths[bytes[at]]),
    writeId(bytes, at, id) {
      bytes[at] = UINT32_HEAD[name];
      bytes.writeUInt32BE(id, at + 1);
    },
  };
}

/** A message whose first id is written anew each time it is sent; `id` must have as many digits as {@link FIRST_ID}. */
export function template(wire, message) {
  const bytes = wire.encode(message);
  const at = wire.idAt(0);
  return (id) => {
    wire.writeId(bytes, at, id);
    return bytes;
  };
}

/**
 * The answer of a callee to any INVOCATION: YIELD with its id. Ids of invocations count from 1, so in JSON their length
 * changes.
 */
export function yieldTemplate(wire, args) {
  if (wire.binary) return template(wire, [70, FIRST_ID, {}, args]);
  const tail = `,{},${JSON.stringify(args)}]`;
  return (id) => Buffer.from(`[70,${id}${tail}`, 'latin1');
}
