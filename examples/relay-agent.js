// A relay agent without any library: JSON over a WebSocket. It calls a WAMP procedure, answers calls, hears updates.
import { WebSocket } from 'ws';

const ws = new WebSocket(process.env.RELAY_URL ?? 'ws://localhost:9002/ws');
const say = (message) => ws.send(JSON.stringify(message));

ws.on('open', () => say({ type: 'register', name: process.env.RELAY_NAME ?? 'scout' }));

ws.on('message', (data) => {
  const message = JSON.parse(data);
  switch (message.type) {
    case 'registered':
      console.log(`I am ${message.name}`);
      say({ type: 'subscribe', topic: 'updates.*' });
      break;
    case 'subscribed':
      say({ type: 'call', to: 'yamtam.work', method: 'greet', payload: 'scout', correlation_id: '1' });
      break;
    case 'call_result':
      console.log(message.success ? `answered: ${message.payload}` : `failed: ${message.error}`);
      break;
    case 'inbound_call':
      console.log(`${message.from_name} asks me to ${message.method}: ${message.payload}`);
      say({ type: 'call_response', correlation_id: message.correlation_id, success: true, payload: 'done' });
      break;
    case 'message':
    case 'broadcast_message':
      console.log(`${message.from_name}: ${message.payload}`);
      break;
    case 'error':
      console.error(`${message.code}: ${message.message}`);
      break;
  }
});
ws.on('close', (code) => console.log(`closed by ${code}`));
ws.on('error', (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
process.once('SIGTERM', () => ws.close(1000));
