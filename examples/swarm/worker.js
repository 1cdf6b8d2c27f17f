// One of several workers behind a single procedure: weighs what a bee brings home from a field, less what the way costs.
import { join } from './join.js';

const me = process.env.YAMTAM_AGENT_ID;
const agent = await join(me);

await agent.register(
  'yamtam.work.weigh',
  (_args, { field, flowers, metres }, { caller_authid }) => {
    const milligrams = Math.round(flowers * 6 - metres / 25);
    console.log(`${me} → ${caller_authid}: ${field}: ${flowers} flowers in ${metres} m make ${milligrams} mg`);
    return { field, milligrams };
  },
  { invoke: 'roundrobin' },
);
console.log(`${me} is ready`);
