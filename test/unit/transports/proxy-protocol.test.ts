import { describe, expect, it } from 'vitest';
import { readProxyHeader } from '../../../src/transports/proxy-protocol.ts';
import { proxyV2 } from '../../support/proxy-header.ts';

const V1 = 'PROXY TCP4 192.0.2.1 198.51.100.7 56324 443\r\n';

describe('version 1', () => {
  it.each([
    [V1, '192.0.2.1'],
    ['PROXY TCP6 2001:db8::1 2001:db8::2 1 65535\r\n', '2001:db8::1'],
    ['PROXY UNKNOWN\r\n', undefined],
    ['PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n', undefined],
  ])('%s', (header, address) => {
    const bytes = Buffer.from(`${header}rest`);
    expect(readProxyHeader(bytes)).toEqual({
      kind: 'complete',
      length: header.length,
      ...(address === undefined ? {} : { address }),
    });
  });

  it.each([
    'GET / HTTP/1.1\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.7 56324\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.7 56324 443 1\r\n',
    'PROXY TCP4 192.0.2.1 198.51.100.7 x 443\r\n',
    'PROXY TCP4 2001:db8::1 198.51.100.7 1 2\r\n',
    'PROXY TCP6 192.0.2.1 2001:db8::1 1 2\r\n',
    'PROXY TCP5 192.0.2.1 198.51.100.7 1 2\r\n',
    'PROXY TCP4 999.0.2.1 198.51.100.7 1 2\r\n',
    'PROXY \r\n',
    `PROXY TCP4 ${'1'.repeat(200)}`,
  ])('is not %s', (bytes) => {
    expect(readProxyHeader(Buffer.from(bytes))).toEqual({ kind: 'malformed' });
  });
});

describe('version 2', () => {
  it.each(['192.0.2.1', '2001:db8::1', '::1'])('of %s', (address) => {
    const header = proxyV2(address);
    const bytes = Buffer.concat([header, Buffer.from('rest')]);
    expect(readProxyHeader(bytes)).toEqual({ kind: 'complete', length: header.length, address });
  });

  it('with extensions behind the addresses', () => {
    const header = proxyV2('192.0.2.1', { extensions: Buffer.alloc(100, 4) });
    expect(readProxyHeader(header)).toEqual({ kind: 'complete', length: header.length, address: '192.0.2.1' });
  });

  it('by which the balancer speaks for itself, or of what it does not know', () => {
    const local = proxyV2('192.0.2.1', { command: 0x20 });
    expect(readProxyHeader(local)).toEqual({ kind: 'complete', length: local.length });
    const unix = proxyV2('192.0.2.1', { family: 0x31 });
    expect(readProxyHeader(unix)).toEqual({ kind: 'complete', length: unix.length });
  });

  it('is not what has another version or command, is too long, or too short for its addresses', () => {
    const malformed = [
      proxyV2('192.0.2.1', { command: 0x11 }),
      proxyV2('192.0.2.1', { command: 0x22 }),
      proxyV2('192.0.2.1', { length: 65_535 }),
      proxyV2('192.0.2.1', { length: 11 }),
    ];
    for (const header of malformed) expect(readProxyHeader(header)).toEqual({ kind: 'malformed' });
  });
});

it('what is cut off anywhere is incomplete', () => {
  for (const header of [Buffer.from(V1), proxyV2('192.0.2.1'), proxyV2('2001:db8::1')]) {
    for (let end = 0; end < header.length; end += 1) {
      expect(readProxyHeader(header.subarray(0, end))).toEqual({ kind: 'incomplete' });
    }
  }
});
