/**
 * The least a WAMP router in Node can cost: it finds who gets a message by its first bytes and copies the rest. No
 * checks, no rules, no errors, one subscriber list per topic text. Not for use; what the real one costs beside it is
 * what checking, permissions and bounds cost.
 *
 *     node bench/null-router.mjs PORT
 */
import { createServer } from 'node:net';
import { acceptance, FrameReader, FrameWriter } from './lib/websocket.mjs';
import { WIRES } from './lib/wire.mjs';

const procedures = new Map();
const topics = new Map();
const calls = new Map();
const dirty = new Set();
let ids = 0;

/** The header of a message to a client, up to where the payload of another message follows. */
const HEADS = {
  json: (type, numbers) => Buffer.from(`[${type},${numbers.join(',')},{}`, 'latin1'),
  msgpack: (type, numbers, elements) => binaryHead('msgpack', 0x90 | elements, type, numbers),
  cbor: (type, numbers, elements) => binaryHead('cbor', 0x80 | elements, type, numbers),
};
const EMPTY_MAP = { msgpack: 0x80, cbor: 0xa0 };

function binaryHead(name, list, type, numbers) {
  const { encode } = WIRES[name];
  return Buffer.concat([Buffer.from([list]), encode(type), ...numbers.map(encode), Buffer.from([EMPTY_MAP[name]])]);
}

/** Where the value that begins at `at` ends; enough of each encoding for what the load generator sends. */
function behindValue({ name }, bytes, at, end) {
  if (name === 'json') {
    let depth = 0;
    for (let i = at; i < end; i += 1) {
      const byte = bytes[i];
      if (byte === 0x22) i = bytes.indexOf(0x22, i + 1);
      else if (byte === 0x7b || byte === 0x5b) depth += 1;
      else if (byte === 0x7d || byte === 0x5d) {
        if (depth === 0) return i;
        depth -= 1;
      } else if (byte === 0x2c && depth === 0) return i;
    }
    return end;
  }
  const first = bytes[at];
  if (name === 'msgpack') {
    if (first === 0x80) return at + 1;
    if (first < 0x90) return behindMap(name, bytes, at, end, first & 15);
    if (first < 0xc0) return at + 1 + (first & 31);
    if (first === 0xd9) return at + 2 + bytes[at + 1];
    return at + 1;
  }
  if (first === 0xa0) return at + 1;
  if (first >> 5 === 5) return behindMap(name, bytes, at, end, first & 31);
  if (first >> 5 === 3) return first < 0x78 ? at + 1 + (first & 31) : at + 2 + bytes[at + 1];
  return at + 1;
}

function behindMap(name, bytes, at, end, pairs) {
  let next = at + 1;
  for (let i = 0; i < pairs * 2; i += 1) next = behindValue({ name }, bytes, next, end);
  return next;
}

class Peer {
  constructor(socket) {
    this.socket = socket;
    this.reader = new FrameReader();
    this.topics = [];
    this.procedures = [];
    let head = '';
    const onHead = (data) => {
      head += data.toString('latin1');
      if (!head.includes('\r\n\r\n')) return;
      socket.off('data', onHead);
      const { text, subprotocol } = acceptance(head);
      this.wire = WIRES[subprotocol.slice('wamp.2.'.length)];
      this.out = new FrameWriter(socket, this.wire.binary, false);
      socket.write(text);
      socket.on('data', (bytes) => this.read(bytes));
    };
    socket.on('data', onHead);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      for (const peers of this.topics) peers.delete(this);
      for (const uri of this.procedures) procedures.delete(uri);
    });
  }

  read(data) {
    this.reader.read(data, (bytes, start, end) => this.message(bytes, start, end));
    for (const peer of dirty) peer.out.flush();
    dirty.clear();
  }

  push(payload) {
    this.out.push(payload);
    dirty.add(this);
  }

  answer(message) {
    this.push(this.wire.encode(message));
  }

  message(bytes, start, end) {
    const { wire } = this;
    const idAt = wire.idAt(start);
    switch (wire.type(bytes, start)) {
      case 48:
        this.call(bytes, wire.readId(bytes, idAt), wire.behindId(bytes, idAt), end);
        return;
      case 70: {
        const id = wire.readId(bytes, idAt);
        const call = calls.get(id);
        calls.delete(id);
        const options = wire.behindId(bytes, idAt) + comma(wire);
        const rest = bytes.subarray(behindValue(wire, bytes, options, end), end);
        call.peer.push(Buffer.concat([HEADS[wire.name](50, [call.id], 4), rest]));
        return;
      }
      case 16:
        this.publish(bytes, wire.readId(bytes, idAt), wire.behindId(bytes, idAt), end);
        return;
      default:
        this.setup(wire.decode(bytes.subarray(start, end)));
    }
  }

  /** The text behind the options, and where it ends. */
  uri(bytes, behindId, end) {
    const { wire } = this;
    const options = behindId + comma(wire);
    const behindOptions = behindValue(wire, bytes, options, end);
    const at = behindOptions + comma(wire);
    const behind = behindValue(wire, bytes, at, end);
    const quote = wire.name === 'json' ? 1 : 0;
    const head = wire.name === 'json' ? 0 : behind - at > 33 || (wire.name === 'cbor' && behind - at > 24) ? 2 : 1;
    return {
      uri: bytes.toString('latin1', at + quote + head, behind - quote),
      behind,
      says: behindOptions - options > 2,
    };
  }

  call(bytes, request, behindId, end) {
    const { uri, behind } = this.uri(bytes, behindId, end);
    const callee = procedures.get(uri);
    ids += 1;
    calls.set(ids, { peer: this, id: request });
    callee.push(Buffer.concat([HEADS[this.wire.name](68, [ids, 1], 5), bytes.subarray(behind, end)]));
  }

  publish(bytes, request, behindId, end) {
    const { wire } = this;
    const { uri, behind, says } = this.uri(bytes, behindId, end);
    ids += 1;
    if (says) this.answer([17, request, ids]);
    const made = {};
    for (const peer of topics.get(uri) ?? []) {
      const { name } = peer.wire;
      if (made[name] === undefined) {
        if (name === wire.name) made[name] = Buffer.concat([HEADS[name](36, [1, ids], 5), bytes.subarray(behind, end)]);
        else {
          const start = name === 'json' || wire.name === 'json' ? behind + comma(wire) : behind;
          made[name] = peer.wire.encode([36, 1, ids, {}, wire.decode(bytes.subarray(start, end))]);
        }
      }
      peer.push(made[name]);
    }
  }

  setup(message) {
    const [type, request, , uri] = message;
    ids += 1;
    if (type === 1) this.answer([2, ids, { roles: { broker: {}, dealer: {} } }]);
    else if (type === 64) {
      procedures.set(uri, this);
      this.procedures.push(uri);
      this.answer([65, request, ids]);
    } else if (type === 32) {
      const peers = topics.get(uri) ?? new Set();
      topics.set(uri, peers.add(this));
      this.topics.push(peers);
      this.answer([33, request, ids]);
    }
  }
}

const comma = (wire) => (wire.name === 'json' ? 1 : 0);

createServer({ noDelay: true }, (socket) => new Peer(socket)).listen(Number(process.argv[2]), '127.0.0.1');
