import type { Socket } from 'node:net';

/**
 * Reads the beginning of a connection, and leaves what is behind it to whoever takes the connection then.
 * @param timeoutMs who has not sent it by then is cut off
 * @param take asked with all bytes so far: how many of them are used up; `undefined`: more are needed
 * @param done called once `take` has answered, unless the connection has ended before
 */
export function readBeginning(
  socket: Socket,
  timeoutMs: number,
  take: (bytes: Buffer) => number | undefined,
  done: () => void,
): void {
  let bytes: Buffer = Buffer.alloc(0);
  const cut = (): void => {
    socket.destroy();
  };
  const timer = setTimeout(cut, timeoutMs);
  const forget = (): void => {
    clearTimeout(timer);
    socket.off('readable', look);
    socket.off('end', cut);
    socket.off('error', cut);
    socket.off('close', forget);
  };
  const look = (): void => {
    const chunk: Buffer | null = socket.read();
    if (chunk === null) return;
    bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
    const used = take(bytes);
    if (used === undefined) return;
    forget();
    if (used < bytes.length) socket.unshift(bytes.subarray(used));
    done();
  };
  socket.on('readable', look);
  socket.on('end', cut);
  socket.on('error', cut);
  socket.on('close', forget);
}
