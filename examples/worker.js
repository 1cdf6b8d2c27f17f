// One of several workers behind a single procedure: the router hands each call to the next of them.
import autobahn from 'autobahn';
import { connect } from './connect.js';

const agentId = process.env.YAMTAM_AGENT_ID;

connect(async (session) => {
  let running = 0;
  const say = (state) =>
    session.publish(`yamtam.agent.${agentId}.status`, [], { agentId, state }, { acknowledge: true });

  await session.register(
    'yamtam.work.factorize',
    async (_args, { task, number }) => {
      if (!Number.isSafeInteger(number) || number < 2) {
        throw new autobahn.Error('yamtam.error.bad-task', [`cannot factorize ${number}`], { task });
      }
      running += 1;
      await say(`working on ${number}`);
      const answer = factorize(number).join(' × ');
      await session.publish('yamtam.task.complete', [], { agentId, task, answer }, { acknowledge: true });
      running -= 1;
      if (running === 0) await say('idle');
      return { agentId, answer };
    },
    { invoke: 'roundrobin' },
  );
  await say('idle');
  console.log('ready');
});

function factorize(number) {
  const factors = [];
  let rest = number;
  for (let divisor = 2; divisor * divisor <= rest; divisor += 1) {
    for (; rest % divisor === 0; rest /= divisor) factors.push(divisor);
  }
  if (rest > 1) factors.push(rest);
  return factors;
}
