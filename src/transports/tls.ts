import type { Duplex } from 'node:stream';
import { createSecureContext, TLSSocket } from 'node:tls';

/** Certificate and key as PEM text or bytes; `clientCa`: clients must show a certificate of this authority. */
export interface TlsFiles {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  readonly clientCa?: string | Buffer;
}

/** TLS 1.3, and of 1.2 what has forward secrecy and authenticated encryption. */
const CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

/** RFC 9266: TLS exporter as channel binding. */
const EXPORTER = { label: 'EXPORTER-Channel-Binding', bytes: 32 };

/** Options of a TLS server. @throws Error if certificate and key are not usable */
export function tlsOptions(tls: TlsFiles) {
  const { cert, key, clientCa } = tls;
  const options = {
    cert,
    key,
    minVersion: 'TLSv1.2' as const,
    ciphers: CIPHERS,
    ...(clientCa === undefined ? {} : { ca: clientCa, requestCert: true, rejectUnauthorized: true }),
  };
  createSecureContext(options);
  return options;
}

/** What a connection's authentication can be bound to (PITFALLS 18), as `LinkInfo` has it; only TLS 1.3 has it. */
export function channelBinding(socket: Duplex): { channelId?: () => Buffer } {
  if (!(socket instanceof TLSSocket) || socket.getProtocol() !== 'TLSv1.3') return {};
  return { channelId: () => socket.exportKeyingMaterial(EXPORTER.bytes, EXPORTER.label, Buffer.alloc(0)) };
}
