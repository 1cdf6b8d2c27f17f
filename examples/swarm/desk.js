// The desk: has the meadow looked at and weighed for whoever asks in a chat, sends the bees out, and answers.
import { randomUUID } from 'node:crypto';
import { NoSuchProcedureError } from 'waggle-router/agent';
import { join } from './join.js';

const agent = await join('desk', { signingKey: process.env.DESK_KEY });
let answered = 0;

// To Bub peers this is the agent that hears on the topic agent:desk. It says at once that it has the question.
// Who asks is what the router says, not what stands in the message.
await agent.register('agent:desk', (_args, { content }, { caller_authid }) => {
  answer(caller_authid, content.text);
  return { processed: true, status: 'ok', message: 'on it' };
});
await agent.register('yamtam.hive.status', () => `questions answered: ${answered}`);
console.log('desk is ready');

async function answer(chat, question) {
  const bees = Number(/\d{1,4}/.exec(question)?.[0] ?? 20);
  const text = await forage(bees).catch(sorry);
  answered += 1;
  console.log(`desk → ${chat}: ${text}`);
  const timestamp = new Date().toISOString();
  const reply = { messageId: randomUUID(), type: 'tg_reply', from: 'agent:desk', timestamp, content: { text } };
  await agent.publish(chat, [], reply);
}

const sorry = (error) => `Sorry, ${error instanceof NoSuchProcedureError ? 'somebody is not here' : error.message}.`;

async function forage(bees) {
  // The scout is a relay agent in a browser: it is called by its name.
  console.log('desk → scout.relay: look around');
  const fields = await agent.call('scout.relay.look');

  // All workers stand behind one procedure; the router hands each call to the next of them.
  console.log(`desk → workers: weigh ${fields.length} fields`);
  const weighed = await Promise.all(fields.map((field) => agent.call('yamtam.work.weigh', [], field)));
  const best = weighed.reduce((one, other) => (other.milligrams > one.milligrams ? other : one));

  // Commands need the desk's signature: the realm file says so, and the router verifies it.
  console.log(`desk → gate: ${bees} bees to the ${best.field} (signed)`);
  await agent.signed.call('yamtam.hive.open', { field: best.field, bees });

  console.log(`desk → updates.flight: ${best.field}`);
  await agent.publish('updates.flight', [], { message_type: 'flight', payload: best.field });
  return `In the ${best.field}, ${best.milligrams} mg a trip. ${bees} bees are on their way.`;
}
