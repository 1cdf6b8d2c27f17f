import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchedLink, batchOf, splitBatch, unbatching } from '../../../../src/adapters/wamp/batched.ts';
import { linkedPair } from '../../../support/memory-link.ts';
import { Accepted } from '../../../support/websocket-server.ts';
import { batchOfOne } from '../../../support/wire.ts';

describe.each([true, false])('batches, binary: %s', (binary) => {
  const message = binary
    ? fc.uint8Array({ maxLength: 40 })
    : fc.string().map((text) => new TextEncoder().encode(JSON.stringify([text])));

  it('PITFALLS 78: hold the messages that were put in, each framed as the specification says', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 8 }), (messages) => {
        const batch = Buffer.concat(messages.map((each) => batchOf(Buffer.from(each), binary)));
        expect(batch.equals(Buffer.concat(messages.map((each) => batchOfOne(Buffer.from(each), binary))))).toBe(true);
        expect(splitBatch(batch, binary)?.map((each) => [...each])).toEqual(messages.map((each) => [...each]));
      }),
    );
  });

  it('PITFALLS 78: of nothing, or cut off anywhere, are none', () => {
    expect(splitBatch(Buffer.alloc(0), binary)).toBeUndefined();
    const whole = batchOf(Buffer.from('[1,"two"]'), binary);
    for (let end = 1; end < whole.length; end += 1) {
      expect(splitBatch(whole.subarray(0, end), binary)).toBeUndefined();
      expect(splitBatch(Buffer.concat([whole, whole.subarray(0, end)]), binary)).toBeUndefined();
    }
  });

  it('PITFALLS 78: that are none fail the transport, and nothing of them is heard', () => {
    const { link, peer, attach } = linkedPair();
    const owner = new Accepted(link);
    attach(unbatching(link, binary, owner));
    const whole = batchOf(Buffer.from('[1]'), binary);
    peer.send(Buffer.concat([whole, whole]), binary);
    expect(owner.messages.map(({ bytes }) => bytes.toString())).toEqual(['[1]', '[1]']);
    peer.send(Buffer.concat([whole, whole.subarray(0, 3)]), binary);
    expect(owner.messages).toHaveLength(2);
    expect(peer.closedAs).toEqual({ how: 'protocolError', message: 'not a batch of whole messages' });
  });

  it('of the other kind are left to the owner', () => {
    const { link, peer, attach } = linkedPair();
    const owner = new Accepted(link);
    attach(unbatching(link, binary, owner));
    peer.send(Buffer.from('x'), !binary);
    expect(owner.messages).toMatchObject([{ binary: !binary }]);
  });

  it('of an event are made once for all receivers', () => {
    const event = Buffer.from('[36]');
    const pairs = [linkedPair(), linkedPair()];
    for (const { link } of pairs) new BatchedLink(link).write(event, binary, true);
    const [one, other] = pairs.map(({ peer }) => peer.received[0]?.bytes);
    expect(one).toBe(other);
    expect(one?.equals(batchOfOne(event, binary))).toBe(true);
  });
});
