/**
 * What a message costs between bytes and bytes, by serializer and length of its payload; prints a table and fails
 * nothing.
 *
 *     npx vitest bench test/bench/codec.bench.ts --run
 */
import { bench, describe } from 'vitest';
import { serializers } from '../../src/serializers/registry.ts';
import { Event, MessageType, NO_DETAILS } from '../../src/wamp/messages.ts';
import { encodeRaw, type RawName } from '../support/raw-codec.ts';
import { PAYLOAD_BYTES, payloadOf } from './payloads.ts';

for (const bytes of PAYLOAD_BYTES) {
  describe(`PUBLISH to EVENT, ${bytes} B`, () => {
    for (const from of serializers) {
      const publish = encodeRaw(from.name as RawName, [16, 4711, {}, 'yamtam.task.progress', [], payloadOf(bytes)]);
      for (const to of serializers) {
        bench(from === to ? from.name : `${from.name} to ${to.name}`, () => {
          const message = from.decode(publish);
          if (message.type !== MessageType.PUBLISH) throw new Error('PUBLISH expected');
          to.encode(new Event(1, 2, NO_DETAILS, message.topic, message.payload, undefined));
        });
      }
    }
  });
}
