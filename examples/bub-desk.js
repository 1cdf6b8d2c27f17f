// An autobahn agent that Bub peers talk to: it registers their topic `system:spawn`, so it is the system agent to them.
import { connect } from './connect.js';

connect(async (session) => {
  await session.register('system:spawn', (_args, message) => {
    console.log(`${message.from} asks: ${message.content.text}`);
    // Bub peers that subscribed the topic get it as an envelope of type wamp_event.
    session.publish(message.from, [], { agent: 'agent:worker-1' });
    return { processed: true, status: 'ok', message: 'an agent is on its way' };
  });
  console.log('ready');
});
