import { asClient, type ClientIo, dictOf, parsed } from './client.ts';
import type { PublishCommandOptions } from './commands.ts';
import { ExitCode } from './io.ts';

/**
 * `waggle publish`: publishes and prints the publication's id when the router has taken it.
 *
 * @returns 0; 1 where the router says no
 * @throws UsageError where the options cannot be understood
 */
export async function publish(options: PublishCommandOptions, given: ClientIo): Promise<number> {
  const args = options.args.map(parsed);
  const kwargs = dictOf(options.kwargs, '-k');
  const wire = dictOf(options.options, '-o');
  return await asClient(options, given, false, async (agent, io) => {
    const published = await agent.publish(options.uri, args, kwargs, { ...wire, timeoutMs: options.timeoutMs });
    if (published !== undefined) {
      io.stdout.write(options.json ? `{"publication":${published.id}}\n` : `${published.id}\n`);
    }
    return ExitCode.good;
  });
}
