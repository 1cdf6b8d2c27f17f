import { expect } from 'vitest';
import { MessageType } from '../../src/wamp/messages.ts';
import { RawClient } from './raw-client.ts';

const EVENT = MessageType.EVENT;
const PUBLISHED = MessageType.PUBLISHED;

/** A session that keeps to all bounds, to stand beside one that does not. */
export interface HealthySession {
  readonly client: RawClient;
  /** Calls itself and hears itself: everything a session does still works. */
  works(): Promise<void>;
}

export async function healthySession(url: string, realm = 'realm1'): Promise<HealthySession> {
  const client = await (await RawClient.connect(url, 'msgpack')).join(realm);
  await client.register(`healthy.echo${client.session}`);
  await client.subscribe(`healthy.news${client.session}`);
  let count = 0;
  const works = async (): Promise<void> => {
    count += 1;
    const call = client.call(`healthy.echo${client.session}`, {}, [count]);
    const { request } = await client.expect(MessageType.INVOCATION);
    client.send([MessageType.YIELD, request, {}, [count]]);
    expect(await client.expect(MessageType.RESULT)).toMatchObject({ request: call });
    client.publish(`healthy.news${client.session}`, { acknowledge: true, exclude_me: false }, [count]);
    const types = [(await client.message()).type, (await client.message()).type];
    expect(types.sort()).toEqual([PUBLISHED, EVENT].sort());
  };
  await works();
  return { client, works };
}
