import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Link } from '../../src/transports/link.ts';
import type { Accepted } from '../support/websocket-server.ts';

/** The far end of a connection. */
export interface FarEnd {
  send(bytes: Buffer, binary: boolean): void;
  /** The next message that arrived. */
  next(): Promise<{ bytes: Buffer; binary: boolean }>;
  /** Ends the connection in good order. */
  end(): void;
}

export interface Connected {
  readonly link: Link;
  /** Records what the link tells its owner. */
  readonly owner: Accepted;
  readonly far: FarEnd;
}

export interface TransportUnderTest {
  /** Every message is of this kind, as RawSocket's serializer says; absent: each says its own. */
  readonly binary?: boolean;
  connect(): Promise<Connected>;
  stop(): Promise<void>;
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** What every transport promises of its links (`src/transports/link.ts`), whatever is on the wire. */
export function transportContract(name: string, start: () => Promise<TransportUnderTest>): void {
  describe(`the transport contract: ${name}`, () => {
    let transport: TransportUnderTest;
    let connected: Connected;

    beforeEach(async () => {
      transport = await start();
      connected = await transport.connect();
    });

    afterEach(() => transport.stop());

    it('messages cross whole, in order and in kind, both ways', async () => {
      const { link, owner, far } = connected;
      const sizes = [1, 2, 125, 126, 4096, 65_535, 65_536, 200_000];
      const messages = sizes.map((size, i) => ({
        bytes: Buffer.alloc(size, 97 + i),
        binary: transport.binary ?? i % 2 === 1,
      }));
      for (const { bytes, binary } of messages) far.send(bytes, binary);
      await owner.until(() => owner.messages.length === messages.length);
      expect(owner.messages.every(({ bytes, binary }, i) => same({ bytes, binary }, messages[i]))).toBe(true);
      for (const { bytes, binary } of messages) expect(link.write(bytes, binary, false)).toBe(true);
      for (const message of messages) expect(same(await far.next(), message)).toBe(true);
    });

    it('a message in pieces crosses as one, in order with others, where the link offers it', async () => {
      const { link, far } = connected;
      const binary = transport.binary ?? true;
      const pieces = ['head,', 'x'.repeat(70_000), 'end'].map((text) => Buffer.from(text));
      const whole = Buffer.concat(pieces);
      if (link.writePieces === undefined) return;
      link.write(Buffer.from('before'), binary, false);
      expect(link.writePieces(pieces, whole.length, binary)).toBe(true);
      link.write(Buffer.from('after'), binary, false);
      expect((await far.next()).bytes.toString()).toBe('before');
      expect(same(await far.next(), { bytes: whole, binary })).toBe(true);
      expect((await far.next()).bytes.toString()).toBe('after');
    });

    it('a buffer that was written is not altered', async () => {
      const bytes = Buffer.from('shared by many');
      connected.link.write(bytes, false, true);
      await connected.far.next();
      expect(bytes.toString()).toBe('shared by many');
    });

    it('what was written is no longer pending once it is gone', async () => {
      const { link, far } = connected;
      for (let i = 0; i < 10; i += 1) link.write(Buffer.alloc(1000, 'x'), false, false);
      for (let i = 0; i < 10; i += 1) await far.next();
      await turn();
      await turn();
      expect(link.pendingBytes).toBe(0);
    });

    it('close writes what is queued, then ends, and is told once, later than the call', async () => {
      const { link, owner, far } = connected;
      for (let i = 0; i < 100; i += 1) link.write(Buffer.from(String(i)), false, false);
      link.close('normal', 'done');
      link.close('restart');
      expect(owner.ends).toHaveLength(0);
      for (let i = 0; i < 100; i += 1) expect((await far.next()).bytes.toString()).toBe(String(i));
      far.end();
      expect(await owner.end()).toMatchObject({ cause: 'owner', message: 'done' });
      link.destroy();
      await turn();
      expect(owner.ends).toHaveLength(1);
    });

    it('after close nothing is taken and nothing is told', async () => {
      const { link, owner, far } = connected;
      link.close('goingAway');
      expect(link.write(Buffer.from('late'), false, false)).toBe(false);
      expect(link.write(Buffer.from('late'), false, true)).toBe(false);
      far.send(Buffer.from('late'), false);
      far.end();
      await owner.end();
      expect(owner.messages).toHaveLength(0);
    });

    it('destroy ends at once and is told once, later than the call', async () => {
      const { link, owner } = connected;
      link.destroy();
      link.destroy();
      expect(owner.ends).toHaveLength(0);
      expect(link.write(Buffer.from('late'), false, false)).toBe(false);
      expect(await owner.end()).toMatchObject({ cause: 'owner' });
      link.close('normal');
      await turn();
      expect(owner.ends).toHaveLength(1);
    });

    it('the end of the peer is told after its last message', async () => {
      const { link, owner, far } = connected;
      far.send(Buffer.from('last'), false);
      far.end();
      expect(await owner.end()).toMatchObject({ cause: 'peer' });
      expect(owner.messages).toHaveLength(1);
      expect(link.write(Buffer.from('late'), false, false)).toBe(false);
    });

    it('a paused link is not read from; nothing is lost', async () => {
      const { link, owner, far } = connected;
      link.pause();
      for (let i = 0; i < 5; i += 1) far.send(Buffer.from(String(i)), false);
      await turn();
      await turn();
      expect(owner.messages).toHaveLength(0);
      link.resume();
      await owner.until(() => owner.messages.length === 5);
      expect(owner.messages.map(({ bytes }) => bytes.toString())).toEqual(['0', '1', '2', '3', '4']);
    });

    it('the end of one connection leaves others alone', async () => {
      const other = await transport.connect();
      connected.link.destroy();
      await connected.owner.end();
      other.far.send(Buffer.from('x'), false);
      await other.owner.until(() => other.owner.messages.length === 1);
      expect(other.owner.ends).toHaveLength(0);
    });
  });
}

function same(one: { bytes: Buffer; binary: boolean }, other: { bytes: Buffer; binary: boolean } | undefined): boolean {
  return other !== undefined && one.binary === other.binary && one.bytes.equals(other.bytes);
}
