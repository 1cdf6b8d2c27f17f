import { describe, expect, it } from 'vitest';
import { checkHost, checkOrigin, isForwarded, isLoopback, plainAddress } from '../../../src/transports/http-rules.ts';

const status = (refusal: { status: number } | undefined): number | undefined => refusal?.status;

describe('the Host rule (CONTRACT §3)', () => {
  it.each([
    ['127.0.0.1:8080', '127.0.0.1'],
    ['127.0.0.1', '127.0.0.1'],
    ['127.0.0.1:9999', '127.0.0.1'],
    ['localhost', '127.0.0.1'],
    ['LocalHost:8080', '127.0.0.1'],
    ['localhost.:8080', '127.0.0.1'],
    ['[::1]:8080', '::1'],
    ['[0:0:0:0:0:0:0:1]:8080', '::1'],
    ['192.168.1.5', '::ffff:192.168.1.5'],
    ['router.example:443', '10.0.0.1'],
    ['ROUTER.example', '10.0.0.1'],
    ['localhost', undefined],
  ])('lets %s in on a connection to %s', (host, address) => {
    expect(checkHost(host, address, ['Router.Example'])).toBeUndefined();
  });

  it.each([
    ['evil.example:8080', '127.0.0.1'],
    ['localhost.evil.example', '127.0.0.1'],
    ['127.0.0.1.evil.example', '127.0.0.1'],
    ['router.example.evil.example', '127.0.0.1'],
    ['127.0.0.2', '127.0.0.1'],
    ['192.168.1.5', '127.0.0.1'],
    ['0x7f.1', '127.0.0.1'],
    ['2130706433', '127.0.0.1'],
    ['127.1', '127.0.0.1'],
    ['', '127.0.0.1'],
    [undefined, '127.0.0.1'],
    ['localhost@evil.example', '127.0.0.1'],
    ['evil.example#localhost', '127.0.0.1'],
    ['localhost:80:80', '127.0.0.1'],
    ['localhost evil.example', '127.0.0.1'],
    ['[::1]', '127.0.0.1'],
    ['127.0.0.1', undefined],
  ])('answers 421 to the Host %j on a connection to %s', (host, address) => {
    expect(status(checkHost(host, address, ['router.example']))).toBe(421);
  });
});

describe('the Origin rule (CONTRACT §3)', () => {
  it.each([
    undefined,
    'http://localhost',
    'http://localhost:3000',
    'http://127.0.0.1:8080',
    'http://[::1]:1',
    'HTTP://LOCALHOST:3000',
  ])('lets %s in on loopback without a list', (origin) => {
    expect(checkOrigin(origin, '127.0.0.1', undefined)).toBeUndefined();
    expect(checkOrigin(origin, '::ffff:127.0.0.1', undefined)).toBeUndefined();
  });

  it.each([
    'null',
    '',
    'https://localhost:3000',
    'http://localhost.evil.example',
    'http://localhost:3000.evil.example',
    'http://localhost:3000/path',
    'http://127.0.0.1:80@evil.example',
    'https://evil.example',
    'file://',
  ])('answers 403 to %j on loopback without a list', (origin) => {
    expect(status(checkOrigin(origin, '127.0.0.1', undefined))).toBe(403);
  });

  it('lets no origin in off loopback or on a unix socket without a list', () => {
    expect(status(checkOrigin('http://localhost:3000', '192.168.1.5', undefined))).toBe(403);
    expect(status(checkOrigin('http://localhost:3000', undefined, undefined))).toBe(403);
    expect(checkOrigin(undefined, '192.168.1.5', undefined)).toBeUndefined();
  });

  it('lets in exactly what a list names; the list replaces the defaults', () => {
    const list = ['https://app.example', 'http://dev.example:*'];
    expect(checkOrigin('https://app.example', '127.0.0.1', list)).toBeUndefined();
    expect(checkOrigin('http://dev.example:81', '127.0.0.1', list)).toBeUndefined();
    expect(status(checkOrigin('https://app.example:444', '127.0.0.1', list))).toBe(403);
    expect(status(checkOrigin('http://localhost:3000', '127.0.0.1', list))).toBe(403);
    expect(status(checkOrigin('http://localhost:3000', '127.0.0.1', []))).toBe(403);
  });

  it('lets the origin null in only where it is listed', () => {
    expect(status(checkOrigin('null', '127.0.0.1', ['https://app.example']))).toBe(403);
    expect(checkOrigin('null', '127.0.0.1', ['null'])).toBeUndefined();
  });
});

describe('addresses', () => {
  it('know loopback in every spelling', () => {
    for (const address of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1']) expect(isLoopback(address)).toBe(true);
    for (const address of ['10.0.0.1', '::', '0.0.0.0', 'fe80::1', 'localhost', '']) {
      expect(isLoopback(address)).toBe(false);
    }
  });

  it('of IPv4 peers are the same on an IPv6 socket', () => {
    expect(plainAddress('::ffff:10.1.2.3')).toBe('10.1.2.3');
    expect(plainAddress('2001:db8::1')).toBe('2001:db8::1');
  });

  it('a forwarded request is known by any header a proxy writes', () => {
    expect(isForwarded({ 'x-forwarded-for': '1.2.3.4' })).toBe(true);
    expect(isForwarded({ forwarded: 'for=1.2.3.4' })).toBe(true);
    expect(isForwarded({ 'x-forwarded-proto': 'https' })).toBe(true);
    expect(isForwarded({ host: 'x' })).toBe(false);
  });
});
