import { PeerError, Result } from '../agent/index.ts';
import { ErrorUri } from '../wamp/errors.ts';
import { asClient, type ClientIo, dictOf, stopOf, until } from './client.ts';
import type { RegisterCommandOptions } from './commands.ts';
import { templateOf } from './template.ts';

/**
 * `waggle register`: offers a procedure that answers with its arguments, or from a template, and prints each call as a
 * JSON line; until SIGINT or SIGTERM, until there were `count` calls, or until the time is over.
 *
 * @returns 0; 1 where the router says no or takes the registration away, or the time was over before `count`
 * @throws UsageError where the options cannot be understood
 */
export async function register(options: RegisterCommandOptions, given: ClientIo): Promise<number> {
  const { uri, match, answer, count = Number.POSITIVE_INFINITY } = options;
  const wire = dictOf(options.options, '-o');
  const template = answer === undefined ? undefined : templateOf(answer);
  return await asClient(options, given, true, async (agent, io) => {
    const stop = stopOf(options.timeoutMs);
    let called = 0;
    const registration = await agent.register(
      uri,
      (args, kwargs, { procedure, caller, caller_authid, caller_authrole }) => {
        if (called >= count) throw new PeerError(ErrorUri.UNAVAILABLE, ['the last call was answered']);
        called += 1;
        const from = { caller, caller_authid, caller_authrole };
        io.stdout.write(`${JSON.stringify({ procedure, args, kwargs, ...from })}\n`);
        // The answer goes out before the goodbye.
        if (called >= count) setImmediate(() => stop.enough());
        return template === undefined ? new Result(args, kwargs) : template(args, kwargs);
      },
      { ...wire, match },
    );
    io.stderr.write(`registered ${uri}\n`);
    const missing = (): string | undefined =>
      options.count === undefined ? undefined : `${called} of ${options.count} calls came in time`;
    return await until(stop, registration.ended, missing, io);
  });
}
