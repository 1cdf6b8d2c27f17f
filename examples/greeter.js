// An agent in one breath: offers a procedure, calls it, tells the swarm, and leaves.
import { connect } from './connect.js';

const connection = connect(async (session) => {
  await session.register('yamtam.work.greet', (_args, { name }) => `hello ${name}`);
  const greeting = await session.call('yamtam.work.greet', [], { name: 'swarm' });
  await session.publish('yamtam.task.greeted', [], { greeting }, { acknowledge: true });
  console.log(greeting);
  connection.close();
});
