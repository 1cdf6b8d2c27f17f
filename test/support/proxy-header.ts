/** Headers of the PROXY protocol as a balancer writes them, right or wrong. */
import { isIPv6 } from 'node:net';

export function proxyV1(address: string): Buffer {
  const family = isIPv6(address) ? 'TCP6' : 'TCP4';
  return Buffer.from(`PROXY ${family} ${address} ${isIPv6(address) ? '::1' : '127.0.0.1'} 4711 443\r\n`);
}

interface Wrong {
  readonly command?: number;
  readonly family?: number;
  readonly length?: number;
  readonly extensions?: Buffer;
}

export function proxyV2(address: string, { command = 0x21, family, length, extensions }: Wrong = {}): Buffer {
  const source = octets(address);
  const body = Buffer.concat([source, source, Buffer.from([0x12, 0x67, 0x01, 0xbb]), extensions ?? Buffer.alloc(0)]);
  const head = Buffer.from('0d0a0d0a000d0a515549540a00000000', 'hex');
  head[12] = command;
  head[13] = family ?? (source.length === 4 ? 0x11 : 0x21);
  head.writeUInt16BE(length ?? body.length, 14);
  return Buffer.concat([head, body]);
}

function octets(address: string): Buffer {
  if (!isIPv6(address)) return Buffer.from(address.split('.').map(Number));
  const [before = '', after] = address.split('::');
  const groups = (text: string) => text.split(':').filter((group) => group !== '');
  const [start, end] = [groups(before), groups(after ?? '')];
  const zeros = Array.from({ length: 8 - start.length - end.length }, () => '0');
  return Buffer.from([...start, ...zeros, ...end].map((group) => group.padStart(4, '0')).join(''), 'hex');
}
