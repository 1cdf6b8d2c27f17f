/** Runs one command and remembers its exit code. */
export type Act = (work: () => Promise<number>) => Promise<void>;

/** What stands below the help of a command. */
export function example(line: string): string {
  return `\nExample:\n  $ ${line}`;
}
