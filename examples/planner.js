// Hands out tasks and gathers the answers; ends by itself, with exit code 1 where a step failed.
import { setTimeout as delay } from 'node:timers/promises';
import { connect } from './connect.js';

const numbers = [1001, 360360, 1299709, 999999, 65537, 123456789];

const connection = connect(async (session) => {
  const published = await session.publish(
    'yamtam.task.dispatch',
    [],
    { agentId: process.env.YAMTAM_AGENT_ID, action: 'factorize', count: numbers.length, ts: Date.now() },
    { acknowledge: true },
  );
  console.log(`dispatched ${numbers.length} tasks (publication ${published.id})`);

  const answers = await Promise.all(
    numbers.map((number, task) => callWhenThere(session, 'yamtam.work.factorize', { task, number })),
  );
  const workers = new Set(answers.map((answer) => answer.agentId));
  for (const [task, answer] of answers.entries()) console.log(`${numbers[task]} = ${answer.answer}`);
  console.log(`${answers.length} answers from ${workers.size} workers: ${[...workers].sort().join(', ')}`);

  const { result } = await callWhenThere(session, 'yamtam.agent.run-tool', {
    tool: 'reverse',
    params: { text: 'elggaw' },
  });
  console.log(`the tool runner says ${result}`);

  // An application's own error crosses the router whole.
  const error = await session.call('yamtam.agent.run-tool', [], { tool: 'rm', params: {} }).then(
    () => undefined,
    (thrown) => thrown,
  );
  if (error?.error !== 'yamtam.error.unknown-tool') throw new Error('the tool runner ran what it does not know');
  console.log(`refused as it should be: ${error.error} ${error.args[0]} (it knows ${error.kwargs.known.join(', ')})`);
  connection.close();
});

/** Calls; where nobody has registered the procedure yet, waits a little and asks again, for 10 s at most. */
async function callWhenThere(session, procedure, kwargs) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await session.call(procedure, [], kwargs);
    } catch (error) {
      if (error.error !== 'wamp.error.no_such_procedure' || attempt >= 50) throw error;
      await delay(200);
    }
  }
}
