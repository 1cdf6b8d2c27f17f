import fc from 'fast-check';

/** Changes to a message: a byte set, removed or put in, a piece cut off or doubled. */
export function mutations(): fc.Arbitrary<(bytes: Buffer) => Buffer> {
  const one = fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 4 }));
  return fc.array(one, { minLength: 1, maxLength: 3 }).map((changes) => (original) => {
    let bytes = original;
    for (const [place, byte, how] of changes) {
      const at = bytes.length === 0 ? 0 : place % bytes.length;
      const before = bytes.subarray(0, at);
      const changed = Buffer.from([byte]);
      if (how === 0 || how === 1) bytes = Buffer.concat([before, changed, bytes.subarray(at + 1)]);
      else if (how === 2) bytes = Buffer.concat([before, bytes.subarray(at + 1)]);
      else if (how === 3) bytes = Buffer.concat([before, changed, bytes.subarray(at)]);
      else bytes = Buffer.concat([before, bytes.subarray(at, at + (byte % 8)), bytes.subarray(at)]);
    }
    return bytes;
  });
}
