// The chat of a user, as Bub's telegram peers bring it in: JSON-RPC over a WebSocket, asks the desk, waits for the reply.
import { randomUUID } from 'node:crypto';
import { WebSocket } from 'ws';

const me = 'tg:42';
const text = process.argv[2] ?? 'Where is the most nectar? Send 54 bees there.';
const ws = new WebSocket(process.env.BUB_URL ?? 'ws://localhost:7892');
const answers = new Map();

function call(method, params) {
  const id = randomUUID();
  ws.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
  return new Promise((resolve, reject) => {
    answers.set(id, ({ result, error }) => (error ? reject(new Error(error.message)) : resolve(result)));
  });
}

async function ask() {
  await call('initialize', { clientId: me, clientInfo: { name: 'chat', version: '1' } });
  await call('subscribe', { topic: me });
  console.log(`${me} → desk: ${text}`);
  const timestamp = new Date().toISOString();
  const payload = { messageId: randomUUID(), type: 'tg_message', from: me, timestamp, content: { text } };
  const { deliveredTo } = await call('sendMessage', { topic: 'agent:desk', payload });
  if (deliveredTo === 0) throw new Error('nobody is at the desk');
}

ws.on('message', (data) => {
  const message = JSON.parse(data);
  if (message.method !== 'processMessage') {
    answers.get(message.id)?.(message);
    return;
  }
  // The reply, or nobody would send it to this topic.
  const result = { processed: true, status: 'ok', message: '' };
  ws.send(JSON.stringify({ jsonrpc: '2.0', id: message.id, result }));
  ws.close();
});
ws.on('open', () => ask().catch(fail));
ws.on('error', fail);

function fail(error) {
  console.error(`${me}: ${error.message}`);
  process.exitCode = 1;
  ws.close();
}
