import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { startProblems } from '../../../src/server/start-problems.ts';
import { certificateA, certificateB } from '../../support/certificates.ts';
import { files, good } from '../config/support.ts';

const REALM = 'realm: one\nenvironment: test\nroles: { anybody: [] }\n';
const ROUTER = `realms: ../realms
listeners:
  - tcp: 127.0.0.1:0
    tls: { cert: cert.pem, key: key.pem }
    endpoints: [{ path: /ws, protocol: wamp }]
`;

function problems(cert: string, key: string, router = ROUTER): { lines: string[]; folder: string } {
  const set = files({
    'config/router.yaml': router,
    'realms/one.yaml': REALM,
    'config/cert.pem': cert,
    'config/key.pem': key,
  });
  return { lines: startProblems(good(set.load())), folder: set.folder };
}

describe('what no part can run with', () => {
  it('is nothing where certificate and key go together', () => {
    expect(problems(certificateA.cert, certificateA.key).lines).toEqual([]);
  });

  it.each([
    ['a key of another certificate', certificateA.cert, certificateB.key],
    ['a key that is none', certificateA.cert, 'no key'],
    ['a certificate that is none', 'no certificate', certificateA.key],
  ])('is %s: named with its place, its files and what is expected', (_what, cert, key) => {
    const { lines, folder } = problems(cert, key);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^\S*router\.yaml:3:1: tls: cannot be used \(.+\), expected a certificate and its key/);
    expect(lines[0]).toContain(join(folder, 'config/cert.pem'));
    expect(lines[0]).not.toContain('PRIVATE');
  });

  it('is looked for on the admin listener as well', () => {
    const router = ROUTER.replace(/ {4}tls: .*\n/, '').concat(
      'admin: { tcp: 127.0.0.1:0, tls: { cert: cert.pem, key: key.pem } }\n',
    );
    expect(problems(certificateA.cert, certificateB.key, router).lines).toHaveLength(1);
  });
});
