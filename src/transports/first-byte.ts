import type { Socket } from 'node:net';

/**
 * Looks at the first octet that a connection brings, and leaves it to be read by whoever takes the connection then.
 * @param timeoutMs who sends nothing for so long is cut off
 * @param found called once, unless the connection ends before
 */
export function peekFirstByte(socket: Socket, timeoutMs: number, found: (octet: number) => void): void {
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
    forget();
    socket.unshift(chunk);
    found(chunk[0] as number);
  };
  socket.on('readable', look);
  socket.on('end', cut);
  socket.on('error', cut);
  socket.on('close', forget);
}
