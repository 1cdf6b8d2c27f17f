import type { Dict } from '../../src/wamp/payload.ts';
import { BubClient, envelope } from '../support/bub-client.ts';
import { BUB_REALM, startBubRouter } from '../support/bub-router.ts';
import { RawClient } from '../support/raw-client.ts';
import { RelayClient } from '../support/relay-client.ts';
import { startRelayRouter } from '../support/relay-router.ts';
import { type AdapterPeer, adapterContract } from './adapter.ts';

const REALM = BUB_REALM.replace('processTimeoutMs', 'allowOther: true\n  processTimeoutMs').replace(
  'principals:',
  'principals:\n  peer-one: { role: anybody, ticket: { env: PLANNER } }\n  peer-two: { role: anybody, ticket: { env: PLANNER } }\n  peer-bad: { role: anybody, ticket: { env: PLANNER } }',
);

async function bubPeer(url: string, name: string, payload: () => Dict): Promise<AdapterPeer> {
  const client = await BubClient.join(url, name);
  return {
    publish: async (topic) => {
      await client.publish(topic, payload());
    },
    subscribe: async (topic) => {
      await client.must('subscribe', { topic });
    },
    received: () => client.requests.length,
    garbage: () => client.send('{'),
    destroy: () => client.destroy(),
    ended: client.ended,
  };
}

adapterContract('bub-v2', async () => {
  const router = await startBubRouter(BUB_REALM.replace('processTimeoutMs', 'allowOther: true\n  processTimeoutMs'));
  return { router, join: (name) => bubPeer(router.v2, name, () => envelope('tg_message')) };
});

adapterContract('bub-v1', async () => {
  const router = await startBubRouter();
  return { router, join: (name) => bubPeer(router.v1, name, () => ({ text: 'hello' })) };
});

adapterContract('relay', async () => {
  const router = await startRelayRouter();
  return {
    router,
    authid: (name) => `${name}.relay`,
    async join(name) {
      const client = await RelayClient.join(router.relay, name);
      return {
        async publish(topic) {
          client.send({ type: 'broadcast', topic, message_type: 'greeting', payload: 'hello' });
          await client.ping();
        },
        async subscribe(topic) {
          await client.ask({ type: 'subscribe', topic }, 'subscribed');
        },
        received: () => client.of('broadcast_message').length,
        garbage: () => client.sendRaw('{'),
        destroy: () => client.destroy(),
        ended: client.ended,
      };
    },
  };
});

adapterContract('wamp', async () => {
  const router = await startBubRouter(REALM);
  return {
    router,
    async join(name) {
      const client = await RawClient.connect(router.wamp);
      await client.join('realm1', { authid: name, authmethods: ['ticket'], ticket: 'a-ticket-of-the-planner' });
      return {
        async publish(topic) {
          client.publish(topic, { acknowledge: true }, ['hello']);
          await client.take();
        },
        async subscribe(topic) {
          await client.subscribe(topic);
        },
        received: () => client.received.filter((message) => Array.isArray(message) && message[0] === 36).length,
        garbage: () => client.sendBytes('{'),
        destroy: () => client.destroy(),
        ended: client.ended,
      };
    },
  };
});
