import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BatchedLink, batchOf, isBatch } from '../../../../src/adapters/wamp/batched.ts';
import { linkedPair } from '../../../support/memory-link.ts';
import { Accepted } from '../../../support/websocket-server.ts';
import { batchOfOne } from '../../../support/wire.ts';

/** A link whose batches `owner` hears. */
function opened(binary: boolean) {
  const { link, peer, attach } = linkedPair();
  const errors: unknown[] = [];
  const batched = new BatchedLink(link, binary, (error) => errors.push(error));
  const owner = new Accepted(batched);
  attach(batched.open(owner));
  return { peer, owner, batched, errors };
}

describe.each([true, false])('batches, binary: %s', (binary) => {
  const message = binary
    ? fc.uint8Array({ minLength: 1, maxLength: 40 })
    : fc.string().map((text) => new TextEncoder().encode(JSON.stringify([text])));

  it('PITFALLS 78: hold the messages that were put in, each framed as the specification says', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 8 }), (messages) => {
        const batch = Buffer.concat(messages.map((each) => batchOf(Buffer.from(each), binary)));
        expect(batch.equals(Buffer.concat(messages.map((each) => batchOfOne(Buffer.from(each), binary))))).toBe(true);
        const { peer, owner } = opened(binary);
        peer.send(batch, binary);
        expect(owner.messages.map(({ bytes }) => [...bytes])).toEqual(messages.map((each) => [...each]));
      }),
    );
  });

  it('PITFALLS 78: of nothing, cut off anywhere, or with a message of nothing, are none', () => {
    expect(isBatch(Buffer.alloc(0), binary)).toBe(false);
    const whole = batchOf(Buffer.from('[1,"two"]'), binary);
    expect(isBatch(whole, binary)).toBe(true);
    for (let end = 1; end < whole.length; end += 1) {
      expect(isBatch(whole.subarray(0, end), binary)).toBe(false);
      expect(isBatch(Buffer.concat([whole, whole.subarray(0, end)]), binary)).toBe(false);
    }
    const nothing = batchOf(Buffer.alloc(0), binary);
    for (const parts of [[nothing], [nothing, whole], [whole, nothing], [whole, nothing, whole]]) {
      expect(isBatch(Buffer.concat(parts), binary)).toBe(false);
    }
  });

  it('PITFALLS 78: that are none fail the transport, and nothing of them is heard', () => {
    const { peer, owner } = opened(binary);
    const whole = batchOf(Buffer.from('[1]'), binary);
    peer.send(Buffer.concat([whole, whole]), binary);
    expect(owner.messages.map(({ bytes }) => bytes.toString())).toEqual(['[1]', '[1]']);
    peer.send(Buffer.concat([whole, whole.subarray(0, 3)]), binary);
    expect(owner.messages).toHaveLength(2);
    expect(peer.closedAs).toEqual({ how: 'protocolError', message: 'not a batch of whole messages' });
  });

  it('that are long are handed on piece by piece, turn by turn, and meanwhile nothing more is read', async () => {
    const { peer, owner } = opened(binary);
    const one = batchOf(Buffer.alloc(1000, 0x31), binary);
    peer.send(Buffer.concat(Array(200).fill(one)), binary);
    expect(owner.messages.length).toBeLessThan(100);
    expect(peer.paused).toBe(true);
    peer.send(batchOf(Buffer.from('last'), binary), binary);
    let others = 0;
    const count = () => {
      others += 1;
      if (owner.messages.length < 201) setImmediate(count);
    };
    setImmediate(count);
    await owner.until(() => owner.messages.length === 201);
    expect(others).toBeGreaterThan(1);
    expect(owner.messages.at(-1)?.bytes.toString()).toBe('last');
    expect(peer.paused).toBe(false);
  });

  it('are not handed on while their owner does not read', async () => {
    const { peer, owner, batched } = opened(binary);
    owner.onMessage = () => batched.pause();
    peer.send(Buffer.concat(['one', 'two'].map((text) => batchOf(Buffer.from(text), binary))), binary);
    expect(owner.messages).toHaveLength(1);
    expect(peer.paused).toBe(true);
    owner.onMessage = undefined;
    batched.resume();
    await owner.until(() => owner.messages.length === 2);
    peer.send(batchOf(Buffer.from('three'), binary), binary);
    expect(owner.messages.map(({ bytes }) => bytes.toString())).toEqual(['one', 'two', 'three']);
  });

  it('of a peer that has gone are heard to their end, and its end after them', async () => {
    const { peer, owner } = opened(binary);
    const one = batchOf(Buffer.alloc(1000, 0x31), binary);
    owner.onMessage = () => expect(owner.ends).toEqual([]);
    peer.send(Buffer.concat(Array(200).fill(one)), binary);
    peer.end();
    expect(await owner.end()).toMatchObject({ cause: 'peer' });
    expect(owner.messages).toHaveLength(200);
  });

  it('of a peer that has gone while its owner does not read are not waited for', async () => {
    const { peer, owner, batched } = opened(binary);
    owner.onMessage = () => batched.pause();
    peer.send(Buffer.concat(['one', 'two'].map((text) => batchOf(Buffer.from(text), binary))), binary);
    peer.end();
    expect(await owner.end()).toMatchObject({ cause: 'peer' });
    expect(owner.messages).toHaveLength(1);
  });

  it('are forgotten where their owner closes, and once more where it throws', async () => {
    const { peer, owner, batched } = opened(binary);
    const one = batchOf(Buffer.alloc(1000, 0x31), binary);
    owner.onMessage = () => owner.messages.length === 100 && batched.close('normal');
    peer.send(Buffer.concat(Array(200).fill(one)), binary);
    await owner.end();
    expect(owner.messages).toHaveLength(100);

    const other = opened(binary);
    const error = new Error('a bug');
    other.owner.onMessage = () => {
      if (other.owner.messages.length === 100) throw error;
    };
    other.peer.send(Buffer.concat(Array(200).fill(one)), binary);
    await other.owner.end();
    expect(other.owner.messages).toHaveLength(100);
    expect(other.errors).toEqual([error]);
    expect(other.peer.closedAs?.how).toBe('internalError');
  });

  it('of the other kind are left to the owner', () => {
    const { peer, owner } = opened(binary);
    peer.send(Buffer.from('x'), !binary);
    expect(owner.messages).toMatchObject([{ binary: !binary }]);
  });

  it('of an event are made once for all receivers', () => {
    const event = Buffer.from('[36]');
    const pairs = [linkedPair(), linkedPair()];
    for (const { link } of pairs) new BatchedLink(link, binary, () => {}).write(event, binary, true);
    const [one, other] = pairs.map(({ peer }) => peer.received[0]?.bytes);
    expect(one).toBe(other);
    expect(one?.equals(batchOfOne(event, binary))).toBe(true);
  });
});
