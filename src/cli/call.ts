import { autobahn } from '../agent/autobahn.ts';
import type { Dict } from '../wamp/payload.ts';
import { asClient, type ClientIo, dictOf, lineOf, parsed } from './client.ts';
import type { CallCommandOptions } from './commands.ts';
import { ExitCode } from './io.ts';

/**
 * `waggle call`: calls a procedure and prints its result on stdout: positional values one a line, keyword ones as
 * `key=value`; with `json` all of it on one line.
 *
 * @returns 0; 1 where the answer is an error or the router says no
 * @throws UsageError where the options cannot be understood
 */
export async function call(options: CallCommandOptions, given: ClientIo): Promise<number> {
  const args = options.args.map(parsed);
  const kwargs = dictOf(options.kwargs, '-k');
  const wire = dictOf(options.options, '-o');
  return await asClient(options, given, false, async (agent, io) => {
    const print = (result: unknown): void => {
      io.stdout.write(options.json ? jsonOf(result) : textOf(result));
    };
    const { timeoutMs, progress } = options;
    const onProgress = progress ? print : undefined;
    print(await agent.call(options.uri, args, kwargs, { ...wire, timeoutMs, onProgress }));
    return ExitCode.good;
  });
}

interface Whole {
  readonly args: readonly unknown[];
  readonly kwargs: Dict;
}

/** autobahn gives one positional value as itself, nothing as null, everything else as a Result. */
function wholeOf(result: unknown): Whole {
  if (result instanceof autobahn.Result) return result;
  return { args: result === null ? [] : [result], kwargs: {} };
}

function jsonOf(result: unknown): string {
  const { args, kwargs } = wholeOf(result);
  return `${JSON.stringify({ args, kwargs })}\n`;
}

function textOf(result: unknown): string {
  const { args, kwargs } = wholeOf(result);
  const named = Object.entries(kwargs).map(([key, value]) => `${key}=${lineOf(value)}`);
  return [...args.map(lineOf), ...named].join('');
}
