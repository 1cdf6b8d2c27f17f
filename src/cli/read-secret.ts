import type { Input, Io } from './io.ts';

/** A secret is short; what is longer is a file piped in by mistake. */
const MAX_BYTES = 65_536;

/** Keys of a terminal in raw mode: Return or Ctrl-D, Backspace, Ctrl-C. */
const ENTER = ['\r', '\n', '\u0004'];
const ERASE = ['\b', '\u007f'];
const INTERRUPT = '\u0003';

/** Nothing usable came in; the message says why. */
export class NoSecret extends Error {
  override readonly name = 'NoSecret';
}

/**
 * Reads one secret: from a terminal typed twice without echo, else all that stdin holds, without its last line break.
 * @throws NoSecret where it is empty, has several lines, is too long, or was typed differently the second time
 */
export async function readSecret(io: Pick<Io, 'stdin' | 'stderr'>): Promise<string> {
  const { stdin } = io;
  if (stdin.isTTY !== true) return checked(await readAll(stdin));
  const secret = checked(await prompt('secret: ', io));
  if ((await prompt('again: ', io)) !== secret) throw new NoSecret('the two do not match');
  return secret;
}

function checked(secret: string): string {
  if (secret.trim() === '') throw new NoSecret('nothing came in: a secret is expected on stdin');
  if (/[\r\n]/.test(secret)) throw new NoSecret('several lines came in: one secret is expected on stdin');
  return secret;
}

async function readAll(stdin: Input): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stdin) {
    const bytes = Buffer.from(chunk);
    chunks.push(bytes);
    length += bytes.length;
    if (length > MAX_BYTES) throw new NoSecret(`more than ${MAX_BYTES} bytes came in: one secret is expected on stdin`);
  }
  return Buffer.concat(chunks)
    .toString('utf8')
    .replace(/\r?\n$/, '');
}

/** Asks on stderr, so that stdout can be piped into a file. */
function prompt(question: string, { stdin, stderr }: Pick<Io, 'stdin' | 'stderr'>): Promise<string> {
  return new Promise((resolve, reject) => {
    let typed = '';
    const end = (settle: () => void) => {
      stdin.removeListener('data', hear);
      stdin.removeListener('end', stop);
      stdin.setRawMode?.(false);
      stdin.pause();
      stderr.write('\n');
      settle();
    };
    const stop = () => end(() => reject(new NoSecret('interrupted')));
    const hear = (chunk: string | Buffer) => {
      // Characters, not bytes: a backspace takes away a whole one. What is typed ahead of the question is dropped.
      for (const character of chunk.toString()) {
        if (character === INTERRUPT) return stop();
        if (ENTER.includes(character)) return end(() => resolve(typed));
        if (ERASE.includes(character)) typed = [...typed].slice(0, -1).join('');
        else typed += character;
      }
    };
    stderr.write(question);
    stdin.setRawMode?.(true);
    stdin.setEncoding('utf8');
    stdin.on('data', hear);
    stdin.on('end', stop);
    stdin.resume();
  });
}
