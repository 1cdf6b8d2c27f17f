import { type Command, InvalidArgumentError, Option } from 'commander';
import { MATCHES } from '../wamp/uri.ts';
import { type Act, example } from './act.ts';
import type { ClientOptions, Commands } from './commands.ts';
import type { Io } from './io.ts';

/** What commander makes of the flags that all client commands have. */
interface Flags {
  readonly url?: string;
  readonly realm?: string;
  readonly authid?: string;
  readonly ticketEnv?: string;
  readonly keyFile?: string;
  readonly kwarg: readonly string[];
  readonly option: readonly string[];
  readonly timeout?: number;
  readonly json: boolean;
  readonly match: (typeof MATCHES)[number];
  readonly count?: number;
  readonly progress: boolean;
  readonly answer?: string;
}

/** The commands that are clients: `call`, `publish`, `subscribe`, `register`. */
export function addClientCommands(program: Command, io: Io, commands: Commands, act: Act): void {
  withClientOptions(program.command('call'), 'how long to wait for the answer')
    .description('call a procedure and print its result')
    .argument('<uri>', 'the procedure')
    .argument('[args...]', 'JSON where it is JSON, else text')
    .option('-k, --kwarg <key=value>', 'a keyword argument; its value as those of args', collect, [])
    .option('--progress', 'print progressive results as they come', false)
    .option('--json', 'print {"args": …, "kwargs": …} on one line', false)
    .addHelpText('after', example('waggle call yamtam.work.greet -k name=swarm'))
    .action((uri: string, args: string[], flags: Flags) => {
      const { kwarg, progress, json } = flags;
      return act(() => commands.call({ ...client(flags), uri, args, kwargs: kwarg, progress, json }, io));
    });

  withClientOptions(program.command('publish'), 'how long to wait until the router has taken it')
    .description('publish to a topic, and wait until the router has taken it')
    .argument('<uri>', 'the topic')
    .argument('[args...]', 'JSON where it is JSON, else text')
    .option('-k, --kwarg <key=value>', 'a keyword argument; its value as those of args', collect, [])
    .option('--json', 'print {"publication": id} instead of the id', false)
    .addHelpText('after', example('waggle publish yamtam.task.complete -k task=7 -k answer=\'{"sum": 12}\''))
    .action((uri: string, args: string[], flags: Flags) => {
      const { kwarg, json } = flags;
      return act(() => commands.publish({ ...client(flags), uri, args, kwargs: kwarg, json }, io));
    });

  withClientOptions(program.command('subscribe'), 'stop then; exit 1 where --count was not reached')
    .description('print events as JSON lines until Ctrl-C')
    .argument('<uri>', 'the topic, or a pattern with --match')
    .addOption(new Option('--match <policy>', 'how the URI is meant').choices(MATCHES).default('exact'))
    .option('--count <n>', 'stop after n events', wholeNumber)
    .option('--json', 'JSON lines, which is what it prints anyway', false)
    .addHelpText('after', example('waggle subscribe yamtam.task. --match prefix --count 1 | jq .kwargs'))
    .action((uri: string, flags: Flags) => {
      const { match, count } = flags;
      return act(() => commands.subscribe({ ...client(flags), uri, match, count }, io));
    });

  withClientOptions(program.command('register'), 'stop then; exit 1 where --count was not reached')
    .description('offer a procedure that answers with what it was given, or from a template, until Ctrl-C')
    .argument('<uri>', 'the procedure, or a pattern with --match')
    .option('--answer <template>', 'JSON or text, in which {0} and {name} stand for arguments; {{ is a brace')
    .addOption(new Option('--match <policy>', 'how the URI is meant').choices(MATCHES).default('exact'))
    .option('--count <n>', 'stop after n calls', wholeNumber)
    .option('--json', 'calls as JSON lines, which is what it prints anyway', false)
    .addHelpText('after', example("waggle register yamtam.work.greet --answer 'hello {name}'"))
    .action((uri: string, flags: Flags) => {
      const { match, count, answer } = flags;
      return act(() => commands.register({ ...client(flags), uri, match, count, answer }, io));
    });
}

function withClientOptions(command: Command, timeoutHelp: string): Command {
  return command
    .option('--url <url>', 'the router; else $WAGGLE_URL, else ws://127.0.0.1:8080/ws')
    .option('--realm <realm>', 'the realm; else $WAGGLE_REALM, else yamtam-swarm')
    .option('--authid <authid>', 'who to be; else $YAMTAM_AGENT_ID')
    .addOption(
      new Option('--ticket-env <name>', 'the variable that holds the ticket; else YAMTAM_AGENT_TOKEN, where it is set')
        // A ticket on the command line would be everybody's to read.
        .conflicts('keyFile'),
    )
    .option('--key-file <file>', 'the private key, as `waggle keys new --out` writes it')
    .option('-o, --option <key=value>', 'an option of WAMP, e.g. disclose_me=true', collect, [])
    .option('--timeout <time>', `${timeoutHelp}: 500ms, 5s (or 5), 2m`, duration);
}

function client({ url, realm, authid, ticketEnv, keyFile, option, timeout }: Flags): ClientOptions {
  return { url, realm, authid, ticketEnv, keyFile, options: option, timeoutMs: timeout };
}

function collect(value: string, before: readonly string[]): readonly string[] {
  if (value.indexOf('=') < 1) throw new InvalidArgumentError('key=value is expected.');
  return [...before, value];
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** A timer of Node takes no more. */
const MAX_MS = 2 ** 31 - 1;

/** Milliseconds. */
function duration(text: string): number {
  const [, count = '', unit = 's'] = /^(\d+(?:\.\d+)?)(ms|s|m|h)?$/.exec(text) ?? [];
  const ms = Math.ceil(Number(count) * (UNITS_MS[unit] ?? 0));
  if (count !== '' && ms > 0 && ms <= MAX_MS) return ms;
  throw new InvalidArgumentError('A time such as 500ms, 5s or 2m is expected, 24 days at most.');
}

function wholeNumber(text: string): number {
  const number = Number(text);
  if (/^\d+$/.test(text) && number > 0 && Number.isSafeInteger(number)) return number;
  throw new InvalidArgumentError('A number from 1 on is expected.');
}
