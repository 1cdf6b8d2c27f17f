// How the agents of this folder join: with the client helper, and with the ticket in their environment.
import { connectAgent } from 'waggle-router/agent';

export async function join(authid, options = {}) {
  try {
    const agent = await connectAgent({
      url: process.env.WAGGLE_URL ?? 'ws://localhost:8080/ws',
      realm: 'yamtam-swarm',
      authid,
      ticket: process.env.YAMTAM_AGENT_TOKEN,
      ...options,
    });
    process.once('SIGTERM', () => agent.close());
    return agent;
  } catch (error) {
    console.error(`${authid} cannot join: ${error.message}`);
    process.exit(1);
  }
}
