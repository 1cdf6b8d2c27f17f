import { Writable } from 'node:stream';
import { type DestinationStream, type Logger, pino } from 'pino';
import pretty from 'pino-pretty';

export type Log = Logger;

/** What `log.level` may be (CONTRACT §3). */
export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

/** Where lines go: `process.stderr`, or a recorder in tests. */
export interface LogStream {
  write(line: string): unknown;
  readonly isTTY?: boolean | undefined;
}

/** Names under which a careless object could carry a secret; their values never reach a log line. */
const SECRET_KEYS = ['signature', 'ticket', 'secret', 'token', 'password', 'authorization', 'cookie'];

/**
 * The log of the router: pretty lines where `stream` is a terminal, JSON lines otherwise (CONTRACT §1).
 */
export function createLog(level: LogLevel, stream: LogStream): Log {
  const destination: DestinationStream =
    stream.isTTY === true ? prettyLines(stream) : { write: (line) => void stream.write(line) };
  const paths = SECRET_KEYS.flatMap((key) => [key, `*.${key}`]);
  return pino({ level, base: null, redact: { paths, censor: '(not logged)' } }, destination);
}

function prettyLines(stream: LogStream): DestinationStream {
  const lines = pretty({
    destination: asWritable(stream),
    colorize: true,
    ignore: 'pid,hostname',
    translateTime: 'HH:MM:ss.l',
    // Fields are quoted as JSON; a message is not, and could end its line and begin another.
    messageFormat: (line, key) => String(line[key] ?? '').replaceAll('\n', '\\n'),
  });
  return { write: (line) => void lines.write(visible(line)) };
}

/**
 * A JSON line with control characters spelled out: URIs and names come from peers, and a terminal would obey what
 * stands in them. Line breaks and tabs stay, for stacks.
 */
function visible(line: string): string {
  return line
    .replace(/\\(u00[01][0-9a-f]|[bfr])|\\./g, (text: string, code: string | undefined) =>
      code === undefined ? text : `\\\\${code}`,
    )
    .replace(/[\u007f-\u009f]/g, (character) => `\\\\u00${character.charCodeAt(0).toString(16)}`);
}

function asWritable(stream: LogStream): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      stream.write(chunk.toString());
      done();
    },
  });
}
