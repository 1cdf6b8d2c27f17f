import { describe, expect, it } from 'vitest';
import { Proxies } from '../../../src/transports/proxies.ts';

const proxies = new Proxies(['127.0.0.1', '10.0.0.0/8', '2001:db8::/32', 'unix']);

it('are single addresses, networks, and the other end of unix sockets', () => {
  for (const address of ['127.0.0.1', '10.200.3.4', '2001:db8::7', 'unix']) expect(proxies.has(address)).toBe(true);
  for (const address of ['127.0.0.2', '11.0.0.1', '2001:db9::7', '', 'proxy']) expect(proxies.has(address)).toBe(false);
  expect(new Proxies([]).has('unix')).toBe(false);
});

describe('X-Forwarded-For', () => {
  it.each([
    ['of a stranger is not believed', '203.0.113.9', '192.0.2.1', '203.0.113.9'],
    ['that is absent leaves the proxy', '127.0.0.1', undefined, '127.0.0.1'],
    ['names whom the proxy heard', '127.0.0.1', '192.0.2.1', '192.0.2.1'],
    ['is believed as far as those are who wrote it', '127.0.0.1', '6.6.6.6, 192.0.2.1, 10.1.1.1', '192.0.2.1'],
    ['of nothing but proxies is the first of them', '127.0.0.1', '10.0.0.2, 10.0.0.1', '10.0.0.2'],
    ['may have ports', '127.0.0.1', '192.0.2.1:4711', '192.0.2.1'],
    ['may have IPv6, in brackets too', 'unix', '[2001:DB9::1]:4711', '2001:db9::1'],
    ['may have IPv6 alone', 'unix', '2001:db9::1', '2001:db9::1'],
    ['may have IPv4 mapped into IPv6', 'unix', '::ffff:192.0.2.1', '192.0.2.1'],
    ['with something else stops before it', '127.0.0.1', '192.0.2.1, unknown', '127.0.0.1'],
    ['with nothing stops before it', '127.0.0.1', '192.0.2.1,', '127.0.0.1'],
  ])('%s', (_name, peer, header, origin) => {
    expect(proxies.origin(peer, header)).toBe(origin);
  });
});
