import { FrameReader, FrameWriter, upgrade } from './websocket.mjs';
import { FIRST_ID, WIRES } from './wire.mjs';

const ROLES = { publisher: {}, subscriber: {}, caller: {}, callee: {} };

/** One WAMP session of the load generator. */
export class Session {
  #reader = new FrameReader();
  #waiting = [];
  /** Called for every message while load runs: (bytes, start, end). */
  onMessage;
  /** Called after all messages of one read. */
  afterRead;

  static async join(target, encoding) {
    const wire = WIRES[encoding];
    const { socket, rest } = await upgrade(target.port, target.path, `wamp.2.${encoding}`);
    const session = new Session(socket, wire);
    if (rest.length > 0) session.#read(rest);
    const welcome = await session.ask([1, target.realm, { roles: ROLES, authmethods: ['anonymous'] }]);
    if (welcome[0] !== 2) throw new Error(`not let in: ${JSON.stringify(welcome)}`);
    return session;
  }

  constructor(socket, wire) {
    this.socket = socket;
    this.wire = wire;
    this.out = new FrameWriter(socket, wire.binary, true);
    socket.on('data', (data) => this.#read(data));
    socket.on('close', () => {
      for (const { reject } of this.#waiting.splice(0)) reject(new Error('the router closed the connection'));
    });
  }

  #read(data) {
    this.#reader.read(data, (bytes, start, end) => {
      if (this.onMessage !== undefined) this.onMessage(bytes, start, end);
      else this.#waiting.shift()?.resolve(this.wire.decode(bytes.subarray(start, end)));
    });
    this.afterRead?.();
  }

  /** Sends a message that is answered by the next one to come. */
  ask(message) {
    this.out.push(this.wire.encode(message));
    this.out.flush();
    return new Promise((resolve, reject) => this.#waiting.push({ resolve, reject }));
  }

  async register(uri) {
    const answer = await this.ask([64, FIRST_ID, {}, uri]);
    if (answer[0] !== 65) throw new Error(`not registered: ${JSON.stringify(answer)}`);
  }

  async subscribe(topic, match = 'exact') {
    const answer = await this.ask([32, FIRST_ID, match === 'exact' ? {} : { match }, topic]);
    if (answer[0] !== 33) throw new Error(`not subscribed: ${JSON.stringify(answer)}`);
  }

  close() {
    this.socket.destroy();
  }
}
