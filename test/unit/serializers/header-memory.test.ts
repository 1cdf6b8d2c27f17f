import { describe, expect, it } from 'vitest';
import { HeaderMemory } from '../../../src/serializers/header-memory.ts';
import { serializers } from '../../../src/serializers/registry.ts';
import { MessageType } from '../../../src/wamp/messages.ts';
import { encodeRaw, type RawName } from '../../support/raw-codec.ts';

const read = (memory: HeaderMemory, text: string): unknown =>
  memory.dict(Buffer.from(text), 0, Buffer.byteLength(text), () => JSON.parse(text) as unknown);

describe('HeaderMemory', () => {
  it('reads what comes again once, and what it gives out cannot be changed', () => {
    const memory = new HeaderMemory();
    const first = read(memory, '{"acknowledge":true,"x":{"y":[1]}}');
    expect(read(memory, '{"acknowledge":true,"x":{"y":[1]}}')).toBe(first);
    const { x } = first as { x: { y: number[] } };
    expect(() => x.y.push(2)).toThrow(TypeError);
  });

  it('keeps nothing long, nothing that is no dictionary, and not more than 256', () => {
    const memory = new HeaderMemory();
    const long = `{"k":"${'x'.repeat(64)}"}`;
    expect(read(memory, long)).not.toBe(read(memory, long));
    expect(read(memory, '[1]')).not.toBe(read(memory, '[1]'));
    const first = read(memory, '{"n":0}');
    for (let n = 1; n < 256; n += 1) read(memory, `{"n":${n}}`);
    expect(read(memory, '{"n":0}')).toBe(first);
    read(memory, '{"n":256}');
    expect(read(memory, '{"n":0}')).not.toBe(first);
  });
});

describe.each(serializers)('$name', (serializer) => {
  const decode = (message: unknown[]) => serializer.decode(encodeRaw(serializer.name as RawName, message));

  it('options that come again are read once and mean the same', () => {
    const publish = [16, 1, { acknowledge: true, exclude_me: false }, 'a.b'];
    const [first, second] = [decode(publish), decode(publish)];
    if (first.type !== MessageType.PUBLISH || second.type !== MessageType.PUBLISH) throw new Error('PUBLISH expected');
    expect(second.options).toBe(first.options);
    expect(first.options).toMatchObject({ acknowledge: true, excludeMe: false, discloseMe: false });
  });

  it('options that are wrong are refused each time', () => {
    for (let i = 0; i < 3; i += 1) expect(() => decode([16, 1, { acknowledge: 1 }, 'a.b'])).toThrow('acknowledge');
  });

  it('details of HELLO and AUTHENTICATE, which may hold secrets, are not kept', () => {
    const authenticate = [5, 'signature', { nonce: 'secret' }];
    const [first, second] = [decode(authenticate), decode(authenticate)];
    if (first.type !== MessageType.AUTHENTICATE || second.type !== MessageType.AUTHENTICATE)
      throw new Error('AUTHENTICATE expected');
    expect(second.extra).not.toBe(first.extra);
  });
});
