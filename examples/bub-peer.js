// A Bub peer without any library: JSON-RPC over a WebSocket, as its own programs speak it.
import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';

const me = process.env.BUB_CLIENT_ID ?? 'tg:42';
const ws = new WebSocket(process.env.BUB_URL ?? 'ws://localhost:7892');
const answers = new Map();

function call(method, params) {
  const id = randomUUID();
  ws.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
  return new Promise((resolve, reject) => {
    answers.set(id, ({ result, error }) =>
      error ? reject(new Error(`${method}: ${error.message}`)) : resolve(result),
    );
  });
}

ws.on('message', (data) => {
  const message = JSON.parse(data);
  if (message.method !== 'processMessage') {
    answers.get(message.id)?.(message);
    return;
  }
  const { topic, payload } = message.params;
  console.log(`on ${topic}: ${payload.type} ${JSON.stringify(payload.content)}`);
  const result = { processed: true, status: 'ok', message: '' };
  ws.send(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
  ws.close();
});

ws.on('open', async () => {
  await call('initialize', { clientId: me, clientInfo: { name: 'example', version: '1' } });
  await call('subscribe', { topic: me });
  const payload = {
    messageId: `msg_${randomUUID()}`,
    type: 'spawn_request',
    from: me,
    timestamp: new Date().toISOString(),
    content: { text: 'I need an agent' },
  };
  const { deliveredTo } = await call('sendMessage', { topic: 'system:spawn', payload });
  console.log(`delivered to ${deliveredTo}`);
  if (deliveredTo === 0) ws.close();
});
ws.on('error', (error) => {
  console.error(error.message);
  process.exitCode = 1;
});
