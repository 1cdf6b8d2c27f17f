import { expect, it } from 'vitest';
import type { AdapterContext } from '../../../../src/adapters/adapter.ts';
import { WampConnection } from '../../../../src/adapters/wamp/connection.ts';
import { json } from '../../../../src/serializers/json.ts';
import type { Serializer } from '../../../../src/serializers/serializer.ts';
import { ErrorUri, WampError } from '../../../../src/wamp/errors.ts';
import { Event, NO_DETAILS } from '../../../../src/wamp/messages.ts';
import { Payload } from '../../../../src/wamp/payload.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { linkedPair } from '../../../support/memory-link.ts';

function contextOf(said: string[]): AdapterContext {
  const say = (_facts: object, text: string) => said.push(text);
  return {
    realm: () => undefined,
    newSessionId: () => 1,
    clock: new FakeClock(),
    log: { debug: say, info: say, warn: say },
    handshakeTimeoutMs: 1000,
    handshake() {},
    agent: 'test',
  };
}

/** A connection whose serializer throws `error` for every message. */
function failing(error: Error) {
  const said: string[] = [];
  const serializer: Serializer = {
    ...(json as Serializer),
    index: json.index,
    subprotocol: json.subprotocol,
    binary: false,
    decode: () => {
      throw error;
    },
    encode: () => {
      throw error;
    },
  };
  return { connection: new WampConnection(linkedPair().link, serializer, contextOf(said)), said };
}

const event = new Event(1, 2, NO_DETAILS, 'a.b', Payload.EMPTY);

it('a message that one receiver’s encoding cannot say costs that receiver the message, with the reason', () => {
  const { connection } = failing(new WampError(ErrorUri.INVALID_ARGUMENT, 'no words'));
  expect(connection.send(event)).toBe(ErrorUri.INVALID_ARGUMENT);
});

it('knows what its encoding has no words for', () => {
  const connection = new WampConnection(linkedPair().link, json, contextOf([]));
  expect(connection.canSay(Payload.of([1n, Buffer.of(1), { a: null }]))).toBe(true);
  expect(connection.canSay(Payload.of([Number.NaN]))).toBe(false);
});

it('a bug while encoding is said in the log and does not reach whoever sent the message', () => {
  const { connection, said } = failing(new RangeError('offset is out of bounds'));
  expect(connection.send(event)).toBe(ErrorUri.NETWORK_FAILURE);
  expect(said).toEqual([expect.stringContaining('could not be encoded')]);
});
