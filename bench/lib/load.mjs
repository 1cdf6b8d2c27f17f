/** The loads: each keeps a window full, counts what came back, and says of what. */
import { Session } from './session.mjs';
import { FIRST_ID, template, yieldTemplate } from './wire.mjs';

const PROCEDURE = 'com.bench.echo';
const TOPIC = 'com.bench.topic';
const ID_DIGITS_END = FIRST_ID * 10 - 1;

function closeAll(sessions) {
  for (const session of sessions) session.close();
}

const next = (id) => (id >= ID_DIGITS_END ? FIRST_ID : id + 1);

/** `callers` sessions with `window` calls outstanding each, one callee. Counts calls. */
export async function rpc(target, { encoding = 'json', bytes = 16, callers = 8, window = 8 }) {
  const payload = 'x'.repeat(bytes);
  const callee = await Session.join(target, encoding);
  await callee.register(PROCEDURE);
  const { wire } = callee;
  const answer = yieldTemplate(wire, [payload]);
  callee.onMessage = (data, start) => {
    if (wire.type(data, start) !== 68) throw new Error('INVOCATION expected');
    callee.out.push(answer(wire.readId(data, wire.idAt(start))));
  };
  callee.afterRead = () => callee.out.flush();
  const sessions = await Promise.all(Array.from({ length: callers }, () => Session.join(target, encoding)));
  const count = { done: 0 };
  for (const session of sessions) {
    const call = template(session.wire, [48, FIRST_ID, {}, PROCEDURE, [payload]]);
    let id = FIRST_ID;
    const send = () => {
      session.out.push(call(id));
      id = next(id);
    };
    session.onMessage = (data, start, end) => {
      if (session.wire.type(data, start) !== 50 || end - start < bytes) throw new Error('RESULT expected');
      count.done += 1;
      send();
    };
    session.afterRead = () => session.out.flush();
    for (let i = 0; i < window; i += 1) send();
    session.out.flush();
  }
  return { count, unit: 'call', close: () => closeAll([callee, ...sessions]) };
}

/** One publisher, `subscribers` sessions, at most `window` publications not yet delivered to all. Counts events. */
export async function fanout(target, options) {
  const {
    encoding = 'json',
    encodings = [encoding],
    bytes = 16,
    subscribers = 100,
    window = 64,
    acknowledge,
  } = options;
  const payload = 'x'.repeat(bytes);
  const receivers = await Promise.all(
    Array.from({ length: subscribers }, (_, i) => Session.join(target, encodings[i % encodings.length])),
  );
  for (const receiver of receivers) await receiver.subscribe(TOPIC);
  const publisher = await Session.join(target, encoding);
  const publish = template(publisher.wire, [16, FIRST_ID, acknowledge ? { acknowledge: true } : {}, TOPIC, [payload]]);
  const count = { done: 0 };
  let id = FIRST_ID;
  let sent = 0;
  const got = new Array(subscribers).fill(0);
  const refill = () => {
    let least = got[0];
    for (const each of got) if (each < least) least = each;
    while (sent < least + window) {
      publisher.out.push(publish(id));
      id = next(id);
      sent += 1;
    }
    publisher.out.flush();
  };
  for (const [i, receiver] of receivers.entries()) {
    receiver.onMessage = (data, start) => {
      if (receiver.wire.type(data, start) !== 36) throw new Error('EVENT expected');
      got[i] += 1;
      count.done += 1;
    };
    receiver.afterRead = () => {
      if (i === 0 || got[i] >= sent) refill();
    };
  }
  publisher.onMessage = () => {};
  refill();
  return { count, unit: 'event', close: () => closeAll([publisher, ...receivers]) };
}

/** As `fanout` to one subscriber, with `patterns` other subscriptions of a kind in the realm that never match. */
export async function patterns(target, { match = 'prefix', patterns: number = 100, ...options }) {
  const holders = await Promise.all(Array.from({ length: 10 }, () => Session.join(target, 'msgpack')));
  const perHolder = number / holders.length;
  await Promise.all(
    holders.map(async (holder, h) => {
      for (let done = 0; done < perHolder; done += 100) {
        const some = Array.from({ length: Math.min(100, perHolder - done) }, (_, i) => h * perHolder + done + i);
        await Promise.all(some.map((n) => holder.subscribe(match === 'prefix' ? `com.p${n}.` : `com.w${n}..x`, match)));
      }
    }),
  );
  const load = await fanout(target, { ...options, subscribers: 1 });
  const { close } = load;
  return {
    ...load,
    close: () => {
      close();
      closeAll(holders);
    },
  };
}

/** Sessions that join and leave, `together` at a time. Counts sessions. */
export async function connect(target, { encoding = 'json', together = 32 }) {
  const count = { done: 0 };
  let over = false;
  const loop = async () => {
    while (!over) {
      const session = await Session.join(target, encoding);
      count.done += 1;
      session.close();
    }
  };
  const loops = Array.from({ length: together }, loop);
  return {
    count,
    unit: 'session',
    close: async () => {
      over = true;
      await Promise.allSettled(loops);
    },
  };
}
