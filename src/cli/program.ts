import { Argument, Command, CommanderError, Option } from 'commander';
import { MATCHES, type Match } from '../wamp/uri.ts';
import { type Act, example } from './act.ts';
import { addClientCommands } from './client-program.ts';
import { ACTIONS, type CanOptions, type Commands } from './commands.ts';
import { ExitCode, type Io, UsageError } from './io.ts';
import { version } from './version.ts';

const DEFAULT_CONFIG = 'config/router.yaml';
const CONFIG_FLAG = '--config <file>';
const CONFIG_HELP = "the router's config file";

/**
 * Reads the arguments and runs the command they name. Never throws: what goes wrong is said on `io.stderr` and is
 * in the exit code (CONTRACT §5).
 *
 * @param argv the arguments after the program's name
 * @returns the exit code, when the command has ended; for `start` that is when the router has stopped
 */
export async function run(argv: readonly string[], io: Io, commands: Commands): Promise<number> {
  let code: number = ExitCode.good;
  const program = createProgram(io, commands, async (work) => {
    code = await work();
  });
  let asked = 'waggle';
  program.hook('preAction', (_program, command) => {
    asked = nameOf(command);
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) {
      // --help and --version end by exception too; everything else of the parser's is wrong usage.
      return error.code === 'commander.helpDisplayed' || error.code === 'commander.version'
        ? ExitCode.good
        : ExitCode.usage;
    }
    if (error instanceof UsageError) {
      io.stderr.write(`error: ${error.message}\n${hint(asked)}\n`);
      return ExitCode.usage;
    }
    return reportBug(error, io);
  }
}

/** Says that the program itself failed, and what to do about it. @returns exit code 70 */
export function reportBug(error: unknown, io: Pick<Io, 'stderr'>): number {
  const trace = error instanceof Error ? (error.stack ?? error.message) : String(error);
  io.stderr.write(
    `${trace}\n\nThis is a bug in waggle ${version()} (Node ${process.versions.node}, ${process.platform} ${process.arch}).\n` +
      "Please open an issue in waggle's issue tracker with these lines and the command that led here; read them over for secrets first.\n",
  );
  return ExitCode.bug;
}

function createProgram(io: Io, commands: Commands, act: Act): Command {
  const program = new Command('waggle')
    .description('A WAMP router: the message router that swarms of agents are wired with.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .helpCommand('help [command]', 'print help for a command')
    .exitOverride()
    .configureOutput({
      writeOut: (text) => io.stdout.write(text),
      writeErr: (text) => io.stderr.write(text),
      getOutHasColors: () => io.stdout.isTTY === true && io.env.NO_COLOR === undefined,
      getErrHasColors: () => io.stderr.isTTY === true && io.env.NO_COLOR === undefined,
    })
    .addHelpText('after', example('waggle start --config config/router.yaml'));
  addRouterCommands(program, io, commands, act);
  addSecretCommands(program, io, commands, act);
  addLogCommand(program, io, commands, act);
  addClientCommands(program, io, commands, act);
  hintAtHelp(program);
  return program;
}

/** Wrong usage of a command is answered with where its own help is. */
function hintAtHelp(command: Command): void {
  command.showHelpAfterError(hint(nameOf(command)));
  for (const each of command.commands) hintAtHelp(each);
}

/** `waggle keys new`. */
function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

function hint(name: string): string {
  return `(try '${name} --help')`;
}

function addRouterCommands(program: Command, io: Io, commands: Commands, act: Act): void {
  program
    .command('start')
    .description('run the router until SIGTERM or SIGINT')
    .option(CONFIG_FLAG, CONFIG_HELP, DEFAULT_CONFIG)
    .addHelpText('after', example('waggle start --config /etc/waggle/router.yaml'))
    .action((options: { config: string }) => act(() => commands.start({ config: options.config }, io)));

  program
    .command('check')
    .description('read the config and every realm file, and print every problem')
    .option(CONFIG_FLAG, CONFIG_HELP, DEFAULT_CONFIG)
    .option('--strict', 'exit 1 for warnings too', false)
    .addHelpText('after', example('waggle check --strict'))
    .action((options: { config: string; strict: boolean }) =>
      act(() => commands.check({ config: options.config, strict: options.strict }, io)),
    );

  program
    .command('can')
    .description('say whether somebody may do something, and which rules say so')
    .argument('<who>', "a principal's authid, or a role")
    .addArgument(new Argument('<action>', 'what to do').choices(ACTIONS))
    .argument('<uri>', 'where: a URI, or a pattern with --match')
    .addOption(new Option('--match <policy>', 'how the URI is meant').choices(MATCHES).default('exact'))
    .option('--realm <realm>', 'the realm; needed where there are several')
    .option(CONFIG_FLAG, CONFIG_HELP, DEFAULT_CONFIG)
    .addHelpText('after', example('waggle can planner subscribe yamtam.task. --match prefix'))
    .action(
      (
        who: string,
        action: CanOptions['action'],
        uri: string,
        options: { match: Match; realm?: string; config: string },
      ) =>
        act(() =>
          commands.can({ who, action, uri, match: options.match, realm: options.realm, config: options.config }, io),
        ),
    );
}

function addSecretCommands(program: Command, io: Io, commands: Commands, act: Act): void {
  program
    .command('keys')
    .description('cryptosign key pairs')
    .addHelpText('after', example('waggle keys new --out planner.key'))
    .command('new')
    .description('make a key pair: the private seed to a file or stdout, and the public key to paste into a realm file')
    .option('--out <file>', 'write the private seed there, readable by its owner only')
    .addHelpText('after', example('waggle keys new --out planner.key'))
    .action((options: { out?: string }) => act(() => commands.keysNew({ out: options.out }, io)));

  program
    .command('ticket')
    .description('tickets')
    .addHelpText('after', example('waggle ticket new'))
    .command('new')
    .description('make a random ticket and the YAML to paste into a realm file')
    .addHelpText('after', example('waggle ticket new'))
    .action(() => act(() => commands.ticketNew(io)));

  program
    .command('hash')
    .description('read a ticket, password or secret from stdin and print the YAML to paste into a realm file')
    .addOption(new Option('--cra', 'a secret for WAMP-CRA').conflicts('scram'))
    .addOption(new Option('--scram', 'a password for SCRAM'))
    .addOption(
      new Option('--kdf <kdf>', 'for SCRAM: what clients derive the key with (argon2id13 unless said)')
        .choices(['argon2id13', 'pbkdf2'])
        .conflicts('cra')
        .implies({ scram: true }),
    )
    .addHelpText('after', example('waggle hash --cra < secret.txt'))
    .action((options: { cra?: boolean; scram?: boolean; kdf?: 'argon2id13' | 'pbkdf2' }) => {
      const kind = options.cra === true ? 'cra' : options.scram === true ? 'scram' : 'ticket';
      return act(() => commands.hash({ kind, kdf: options.kdf }, io));
    });
}

function addLogCommand(program: Command, io: Io, commands: Commands, act: Act): void {
  program
    .command('log')
    .description('show the activity log: what became of every bridged message')
    .option('--message <id>', "one message's life, with times since its beginning")
    .option('--topic <glob>', 'topics that match; * and ? stand for other characters')
    .option('--actor <id>', 'what this sender or receiver did')
    .option('--since <time>', 'from then on: a duration such as 10m, 2h or 1d, or 2026-02-17T12:00:00Z')
    .option('--follow', 'go on with what comes in, until Ctrl-C', false)
    .option('--json', 'rows as JSON lines', false)
    .option('--limit <n>', 'the newest n rows; without it 100, or all with --since or --message')
    .option(CONFIG_FLAG, CONFIG_HELP, DEFAULT_CONFIG)
    .option('--file <file>', 'the log itself, instead of the one the config names')
    .addHelpText('after', example("waggle log --topic 'tg:*' --since 10m --follow"))
    .action((options: { follow: boolean; json: boolean; config: string } & Record<string, string | undefined>) => {
      const { message, topic, actor, since, follow, json, limit, config, file } = options;
      return act(() => commands.log({ message, topic, actor, since, follow, json, limit, config, file }, io));
    });
}
