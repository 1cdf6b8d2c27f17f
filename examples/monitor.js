// Watches the swarm: finished tasks, and the status of every agent through one wildcard subscription.
import { connect } from './connect.js';

connect(async (session) => {
  await session.subscribe('yamtam.task.complete', (_args, kwargs) => {
    console.log(`task ${kwargs.task} complete: ${kwargs.answer}, by ${kwargs.agentId}`);
  });

  // An empty component stands for any: yamtam.agent.worker-1.status, yamtam.agent.worker-2.status, …
  await session.subscribe(
    'yamtam.agent..status',
    (_args, kwargs, details) => {
      console.log(`${details.topic}: ${kwargs.state}`);
    },
    { match: 'wildcard' },
  );
  console.log('watching');
});
