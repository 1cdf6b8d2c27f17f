import type { Duplex } from 'node:stream';
import { TLSSocket } from 'node:tls';
import type { LinkInfo } from './link.ts';

/** What a TLS connection says of the certificate that the peer has shown; nothing where it was asked for none. */
export function clientCertificate(socket: Duplex): Pick<LinkInfo, 'certificate'> {
  // Without `clientCa` nobody is asked for one, and nothing of it would be verified.
  if (!(socket instanceof TLSSocket) || !socket.authorized) return {};
  const shown = socket.getPeerX509Certificate();
  return shown === undefined ? {} : { certificate: shown.fingerprint256.replaceAll(':', '').toLowerCase() };
}
