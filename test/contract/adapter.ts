import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { RunningRouter } from '../support/start-router.ts';

/** A peer of some protocol, from outside. */
export interface AdapterPeer {
  /** Publishes one message on `topic`. */
  publish(topic: string): Promise<void>;
  subscribe(topic: string): Promise<void>;
  /** How many messages came. */
  received(): number;
  /** Sends something that is no message of the protocol. */
  garbage(): void;
  destroy(): void;
  readonly ended: Promise<unknown>;
}

export interface AdapterUnderTest {
  readonly router: RunningRouter;
  /** What the protocol makes of a name; absent: nothing. */
  authid?(name: string): string;
  /** A peer that has joined realm `realm1` under `name`. */
  join(name: string): Promise<AdapterPeer>;
}

/** What every protocol's peers have in common as members of a realm (ARCHITECTURE, idea 1). */
export function adapterContract(name: string, start: () => Promise<AdapterUnderTest>): void {
  describe(`the adapter contract: ${name}`, () => {
    let under: AdapterUnderTest;
    beforeEach(async () => {
      under = await start();
    });
    afterEach(() => under.router.stop());

    const realm = () => {
      const [only] = under.router.server.router.realms;
      if (only === undefined) throw new Error('a realm is needed');
      return only;
    };

    it('a peer is one session of the realm, under its name', async () => {
      await under.join('peer-one');
      expect([...realm().sessions.values()].map((session) => session.identity.authid)).toEqual([
        under.authid?.('peer-one') ?? 'peer-one',
      ]);
    });

    it('its session ends with its connection, with all it held', async () => {
      const peer = await under.join('peer-one');
      await peer.subscribe('topic:1');
      peer.destroy();
      await expect.poll(() => [realm().sessions.size, realm().broker.size]).toEqual([0, 0]);
    });

    it('what one publishes another one who subscribed gets, once', async () => {
      const [from, to] = [await under.join('peer-one'), await under.join('peer-two')];
      await to.subscribe('topic:1');
      await from.publish('topic:1');
      await expect.poll(() => to.received()).toBe(1);
      await from.publish('topic:2');
      await from.publish('topic:1');
      await expect.poll(() => to.received()).toBe(2);
    });

    it('garbage of one peer costs no other peer anything', async () => {
      const [bad, from, to] = [
        await under.join('peer-bad'),
        await under.join('peer-one'),
        await under.join('peer-two'),
      ];
      await to.subscribe('topic:1');
      bad.garbage();
      await from.publish('topic:1');
      await expect.poll(() => to.received()).toBe(1);
    });

    it('a stop of the router ends every connection', async () => {
      const peers = [await under.join('peer-one'), await under.join('peer-two')];
      await under.router.stop();
      await Promise.all(peers.map((peer) => peer.ended));
      expect(realm().sessions.size).toBe(0);
    });
  });
}
