import { describe, expect, it } from 'vitest';
import { Lockout } from '../../../src/auth/lockout.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const REALM = 'yamtam-swarm';
const LOCAL = '127.0.0.1';
const REMOTE = '203.0.113.7';

function make(limits: ConstructorParameters<typeof Lockout>[1] = {}) {
  const clock = new FakeClock();
  const lockout = new Lockout(clock, limits);
  const trial = (address: string, name = 'planner', realm = REALM) => lockout.trial(address, realm, name);
  const fail = (times: number, address = LOCAL, name = 'planner') => {
    for (let at = 0; at < times; at++) trial(address, name).failed();
  };
  return { clock, trial, fail };
}

describe('delays per address and authid (CONTRACT §4)', () => {
  it('three failures are free', () => {
    const { trial, fail } = make();
    fail(3);
    expect(trial(LOCAL).locked()).toBe(false);
  });

  it('each further failure costs 1 s, doubling to 30 s', () => {
    const { clock, trial, fail } = make();
    fail(3);
    for (const seconds of [1, 2, 4, 8, 16, 30, 30, 30]) {
      fail(1);
      clock.advance(seconds * 1000 - 1);
      expect(trial(LOCAL).locked()).toBe(true);
      clock.advance(1);
      expect(trial(LOCAL).locked()).toBe(false);
    }
  });

  it('a success resets the count', () => {
    const { trial, fail } = make();
    fail(3);
    trial(LOCAL).succeeded();
    fail(3);
    expect(trial(LOCAL).locked()).toBe(false);
  });

  it('being refused does not prolong the delay', () => {
    const { clock, trial, fail } = make();
    fail(4);
    for (let at = 0; at < 9; at++) {
      clock.advance(100);
      expect(trial(LOCAL).locked()).toBe(true);
    }
    clock.advance(100);
    expect(trial(LOCAL).locked()).toBe(false);
  });

  it('nobody can lock out an agent from another address', () => {
    const { trial, fail } = make();
    fail(100, '203.0.113.8');
    fail(100, LOCAL);
    expect(trial(REMOTE).locked()).toBe(false);
  });

  it('failures of one authid, or in one realm, do not delay another', () => {
    const { trial, fail } = make();
    fail(10);
    expect(trial(LOCAL, 'worker').locked()).toBe(false);
    expect(trial(LOCAL, 'planner', 'other').locked()).toBe(false);
  });

  it('address, realm and authid are not confused where they touch', () => {
    const { trial } = make();
    for (let at = 0; at < 10; at++) trial('1.2.3.4', 'bc', 'a').failed();
    expect(trial('1.2.3.4', 'c', 'ab').locked()).toBe(false);
  });

  it('failures are forgotten after a quarter of an hour', () => {
    const { clock, trial, fail } = make();
    fail(9);
    clock.advance(15 * 60_000);
    fail(1);
    expect(trial(LOCAL).locked()).toBe(false);
  });

  it('a clock that is set back does not lock anybody out for longer', () => {
    const { clock, trial, fail } = make();
    fail(9);
    clock.jump(-3_600_000);
    expect(trial(LOCAL).locked()).toBe(false);
  });

  it('the tables are bounded: the oldest entry goes first', () => {
    const { trial, fail } = make({ maxEntries: 3 });
    for (const name of ['a', 'b', 'c']) fail(4, LOCAL, name);
    fail(1, LOCAL, 'd');
    expect(['a', 'b', 'c'].map((name) => trial(LOCAL, name).locked())).toEqual([false, true, true]);
  });
});

describe('budget of a remote address', () => {
  it('trying many names from one address is refused after 60 failures, and forgiven one per two seconds', () => {
    const { clock, trial, fail } = make();
    for (let at = 0; at < 59; at++) fail(1, REMOTE, `name${at}`);
    expect(trial(REMOTE, 'another').locked()).toBe(false);
    fail(1, REMOTE, 'last');
    expect(trial(REMOTE, 'another').locked()).toBe(true);
    clock.advance(2000);
    expect(trial(REMOTE, 'another').locked()).toBe(false);
  });

  it('does not refuse an agent that has proven itself from there before', () => {
    const { trial, fail } = make();
    trial(REMOTE, 'planner').succeeded();
    for (let at = 0; at < 200; at++) fail(1, REMOTE, `name${at}`);
    expect(trial(REMOTE, 'planner').locked()).toBe(false);
    expect(trial(REMOTE, 'worker').locked()).toBe(true);
  });

  it('an address does not touch another one', () => {
    const { trial, fail } = make();
    for (let at = 0; at < 200; at++) fail(1, REMOTE, `name${at}`);
    expect(trial('203.0.113.8').locked()).toBe(false);
  });

  it.each([LOCAL, '127.8.9.1', '::1', '::ffff:127.0.0.1', '0:0:0:0:0:0:0:1', '', '/run/waggle.sock'])(
    'does not exist on loopback and unix sockets (%s)',
    (address) => {
      const { trial, fail } = make();
      for (let at = 0; at < 500; at++) fail(1, address, `name${at}`);
      expect(trial(address).locked()).toBe(false);
    },
  );

  it.each([
    ['2001:db8:1:2::1', '2001:db8:1:2:ffff::9', true],
    ['2001:db8:1:2::1', '2001:0db8:0001:0002:0:0:0:1', true],
    ['2001:db8:1:2::1', '2001:db8:1:3::1', false],
    ['2001:db8::1', '2001:db8:0:0:5::', true],
    ['fe80::1%eth0', 'fe80::2', true],
    ['::ffff:203.0.113.7', REMOTE, true],
  ])('IPv6 hosts count by their /64: %s and %s', (one, other, same) => {
    const { trial, fail } = make();
    for (let at = 0; at < 60; at++) fail(1, one, `name${at}`);
    expect(trial(other).locked()).toBe(same);
  });
});
