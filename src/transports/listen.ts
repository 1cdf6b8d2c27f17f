import { chmod, stat, unlink } from 'node:fs/promises';
import { connect, type Server } from 'node:net';

/** Where a listener is; port 0: any free one. */
export type ListenAddress =
  | { readonly host: string; readonly port: number }
  /** A unix socket; `mode`: permissions of its file, absent: what the process gives its files. */
  | { readonly path: string; readonly mode?: number };

/** Thousands of agents come back at the same moment after a restart; the system's default queue holds 511. */
const BACKLOG = 4096;

/**
 * Opens a server on an address.
 * @throws Error that names the address and what is wrong with it
 */
export async function listenOn(server: Server, address: ListenAddress): Promise<void> {
  try {
    await tryListen(server, address);
  } catch (error) {
    if (!('path' in address) || codeOf(error) !== 'EADDRINUSE' || !(await isStale(address.path))) {
      throw new Error(`cannot listen on ${nameOf(address)}: ${wordsFor(error)}`, { cause: error });
    }
    await unlink(address.path);
    await tryListen(server, address);
  }
}

async function tryListen(server: Server, address: ListenAddress): Promise<void> {
  await bind(server, address);
  if ('path' in address && address.mode !== undefined) await chmod(address.path, address.mode);
}

function bind(server: Server, address: ListenAddress): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    const { mode: _mode, ...where } = { mode: undefined, ...address };
    server.listen({ ...where, backlog: BACKLOG }, () => {
      server.off('error', reject);
      resolve();
    });
  });
}

/** A socket file that nobody answers on was left behind by a process that is gone. Any other file is not ours. */
async function isStale(path: string): Promise<boolean> {
  if (!(await stat(path)).isSocket()) return false;
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error) => resolve(codeOf(error) === 'ECONNREFUSED'));
  });
}

function nameOf(address: ListenAddress): string {
  if ('path' in address) return `unix:${address.path}`;
  return address.host.includes(':') ? `[${address.host}]:${address.port}` : `${address.host}:${address.port}`;
}

function wordsFor(error: unknown): string {
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return 'the address is in use, probably by another router';
    case 'EADDRNOTAVAIL':
      return 'this machine has no such address';
    case 'EACCES':
      return 'permission denied';
    default:
      return error instanceof Error ? error.message : String(error);
  }
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error ? String(error.code) : undefined;
}
