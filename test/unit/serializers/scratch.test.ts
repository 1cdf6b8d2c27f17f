import { expect, it } from 'vitest';
import { cbor } from '../../../src/serializers/cbor.ts';
import { msgpack } from '../../../src/serializers/msgpack.ts';

// The writers' scratch starts small and grows. Binary that made it grow was once copied into the scratch it had just
// left, and an agent's picture of some kilobytes ended its own connection.
it.each([msgpack, cbor])(
  '$name: binary of every size around each growth of the scratch is written whole',
  (serializer) => {
    for (const size of [4090, 4091, 4092, 4093, 4094, 4095, 4096, 4097, 8192, 20_000, 1_100_000, 3_000_000]) {
      const bytes = Buffer.alloc(size, size % 251);
      const text = 'x'.repeat(4000);
      const { args } = serializer.decodePayload(
        serializer.encodePayload({ args: [bytes, text, bytes], kwargs: undefined }),
      );
      expect(Buffer.from(args[0] as Uint8Array).equals(bytes)).toBe(true);
      expect(args[1]).toBe(text);
      expect(Buffer.from(args[2] as Uint8Array).equals(bytes)).toBe(true);
    }
  },
);
