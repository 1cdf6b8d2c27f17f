// The gate of the hive. It needs no cryptography of its own: calls without a good signature do not get past the router.
import { join } from './join.js';

const agent = await join('gate');

await agent.register('yamtam.hive.open', (_args, { field, bees }, { caller_authid }) => {
  console.log(`gate → ${caller_authid}: ${bees} bees are off to the ${field}`);
  return 'open';
});
console.log('gate is ready');
