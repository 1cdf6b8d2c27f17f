// An autobahn agent that works with relay agents: it answers their calls, calls one by its name, and tells all of them.
import { connect } from './connect.js';

const agent = process.env.RELAY_NAME ?? 'scout.relay';

connect(async (session) => {
  // `call` with to "yamtam.work" and method "greet"; the payload is the argument.
  await session.register('yamtam.work.greet', async ([name]) => {
    setImmediate(work);
    return `hello ${name}`;
  });
  console.log('ready');

  async function work() {
    console.log(`${agent} says ${await session.call(`${agent}.look`, ['north'])}`);
    await session.publish('updates.desk', ['the north is done'], {}, { acknowledge: true });
  }
});
