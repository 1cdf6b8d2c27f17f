import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { Config, TlsConfig } from '../config/types.ts';
import type { TlsFiles } from '../transports/tls.ts';
import { aclProblems } from './acl-problems.ts';

/**
 * What no part can run with although the schema accepts it: to be asked before a configuration is put in force, so
 * that a swap either happens whole or not at all (CONTRACT §4, "Reload").
 * @returns lines in the form of `waggle check`; empty: there is nothing
 */
export function startProblems(config: Config): string[] {
  return [...aclProblems(config), ...tlsProblems(config)];
}

function tlsProblems(config: Config): string[] {
  const { listeners, admin } = config.router;
  return [...listeners, ...(admin === undefined ? [] : [admin])].flatMap(({ tls, at }) => {
    if (tls === undefined) return [];
    try {
      readTls(tls);
      return [];
    } catch (error) {
      return [`${at}:1: tls: ${error instanceof Error ? error.message : String(error)}`];
    }
  });
}

/** Reads the files and sees whether they go together. @throws Error naming them and what is wrong */
export function readTls(files: TlsConfig): TlsFiles {
  const { cert, key, clientCa } = files;
  try {
    const tls = {
      cert: readFileSync(cert),
      key: readFileSync(key),
      ...(clientCa === undefined ? {} : { clientCa: readFileSync(clientCa) }),
    };
    createSecureContext({ cert: tls.cert, key: tls.key, ca: tls.clientCa });
    return tls;
  } catch (error) {
    const named = [cert, key, ...(clientCa === undefined ? [] : [clientCa])].join(', ');
    const why = error instanceof Error ? error.message : String(error);
    throw new Error(`cannot be used (${why}), expected a certificate and its key in PEM: ${named}`);
  }
}
