import { describe } from 'vitest';
import { serializers } from '../../src/serializers/registry.ts';
import { RAW_NAMES } from '../support/raw-codec.ts';
import { piecesContract, serializerContract } from './serializer.ts';

for (const serializer of serializers) {
  const name = RAW_NAMES.find((each) => each === serializer.name);
  if (name === undefined) throw new Error(`test/support/raw-codec.ts does not know ${serializer.name}`);
  describe(`serializer ${name}`, () => {
    serializerContract(serializer, name);
    piecesContract(serializer);
  });
}
