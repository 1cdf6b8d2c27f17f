import { asClient, type ClientIo, dictOf, stopOf, until } from './client.ts';
import type { SubscribeCommandOptions } from './commands.ts';

/**
 * `waggle subscribe`: prints events as JSON lines until SIGINT or SIGTERM, until there were `count`, or until the time
 * is over. Where the router restarts it comes back, and says so on stderr.
 *
 * @returns 0; 1 where the router says no or takes the subscription away, or the time was over before `count`
 * @throws UsageError where the options cannot be understood
 */
export async function subscribe(options: SubscribeCommandOptions, given: ClientIo): Promise<number> {
  const { uri, match, count = Number.POSITIVE_INFINITY } = options;
  const wire = dictOf(options.options, '-o');
  return await asClient(options, given, true, async (agent, io) => {
    const stop = stopOf(options.timeoutMs);
    let heard = 0;
    const subscription = await agent.subscribe(
      uri,
      (args, kwargs, { topic, publication, publisher, publisher_authid, publisher_authrole, retained }) => {
        if (heard >= count) return;
        heard += 1;
        const from = { publisher, publisher_authid, publisher_authrole, ...(retained ? { retained } : {}) };
        io.stdout.write(`${JSON.stringify({ topic, args, kwargs, publication, ...from })}\n`);
        if (heard >= count) stop.enough();
      },
      { ...wire, match },
    );
    io.stderr.write(`subscribed to ${uri}\n`);
    const missing = (): string | undefined =>
      options.count === undefined ? undefined : `${heard} of ${options.count} events came in time`;
    return await until(stop, subscription.ended, missing, io);
  });
}
