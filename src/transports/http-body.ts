import type { IncomingMessage } from 'node:http';
import type { Refusal } from './http-answers.ts';

/** Milliseconds a client may go on sending what nobody reads, so that it gets to read why, before it is cut. */
const LINGER_MS = 1000;

/**
 * Reads the body of a request. The declared length and the bytes that come are both held against the bound.
 * @param timeoutMs time for the whole of it: who drips byte by byte is answered 408
 * @param done called once, unless the client vanishes before
 */
export function readBody(
  request: IncomingMessage,
  maxBytes: number,
  timeoutMs: number,
  done: (body: Buffer | Refusal) => void,
): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let isOver = false;
  const finish = (body: Buffer | Refusal): void => {
    if (isOver) return;
    isOver = true;
    clearTimeout(timer);
    chunks.length = 0;
    if (!Buffer.isBuffer(body)) linger(request);
    done(body);
  };
  const timer = setTimeout(
    () => finish({ status: 408, text: `the body did not come within ${timeoutMs} ms` }),
    timeoutMs,
  );
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) {
    finish(tooLarge(maxBytes));
    return;
  }
  request.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (isOver) return;
    if (bytes > maxBytes) finish(tooLarge(maxBytes));
    else chunks.push(chunk);
  });
  request.on('end', () => finish(Buffer.concat(chunks, bytes)));
  request.on('close', () => {
    isOver = true;
    clearTimeout(timer);
  });
}

/** For requests that are answered before their body was read: the rest is thrown away, for a moment. */
export function linger(request: IncomingMessage): void {
  if (request.complete) return;
  request.resume();
  const timer = setTimeout(() => {
    if (!request.complete) request.destroy();
  }, LINGER_MS);
  timer.unref();
}

function tooLarge(maxBytes: number): Refusal {
  return { status: 413, text: `the body is longer than ${maxBytes} bytes` };
}
