/** Routers as processes: starting them, waiting until they let somebody in, what they have cost. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { Session } from './session.mjs';

const READY_MS = 30_000;

/** Starts `command` with its port and waits for WELCOME. */
export async function start({ name, command, args, env = {}, path = '/ws', realm = 'realm1' }) {
  const port = await freePort();
  const fill = (text) => text.replaceAll('{port}', `${port}`);
  const filled = Object.fromEntries(Object.entries(env).map(([key, value]) => [key, fill(value)]));
  const child = spawn(command, args.map(fill), {
    env: { ...process.env, ...filled },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (data) => {
    said = (said + data).slice(-4000);
  });
  const target = { name, port, path, realm, pid: child.pid };
  const deadline = Date.now() + READY_MS;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}: ${said}`);
    try {
      (await Session.join(target, 'json')).close();
      break;
    } catch (error) {
      if (Date.now() > deadline) throw new Error(`${name} was not ready in time: ${error.message} ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  const stop = () =>
    new Promise((resolve) => {
      child.once('exit', resolve);
      child.kill('SIGKILL');
    });
  return { ...target, stop };
}

function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const TICKS_PER_SECOND = 100;

/** CPU of the process so far, all threads, user and system, in microseconds. Linux only. */
export function cpuMicros(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return ((Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND) * 1e6;
}

/** Resident memory in bytes. Linux only. */
export function residentBytes(pid) {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1024;
}
