/** Where text goes: `process.stdout` and `process.stderr`, or a recorder in tests. */
export interface Output {
  write(text: string): unknown;
  /** True on a terminal: decides about colours and prompts, never about what is said. */
  readonly isTTY?: boolean | undefined;
}

/** Where text comes from: `process.stdin`, or any readable stream in tests. */
export interface Input extends NodeJS.ReadableStream {
  readonly isTTY?: boolean | undefined;
  /** Present on a terminal: switches echo and line editing off, for secrets that are typed. */
  setRawMode?(on: boolean): unknown;
}

/** All that a command may touch of the process that runs it; `process` itself fits. */
export interface Io {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** What a command's number means to the shell (CONTRACT §5). */
export const ExitCode = {
  good: 0,
  /** The config or the peer said no. */
  refused: 1,
  /** Wrong usage: nothing was tried. */
  usage: 2,
  /** A bug of ours. */
  bug: 70,
} as const;

/** Thrown by a command that finds its arguments wrong: the message is shown with a hint at `--help`, exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}
