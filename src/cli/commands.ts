import type { MATCHES, Match } from '../wamp/uri.ts';
import type { Io } from './io.ts';

/** What `waggle can ACTION` knows; the actions of a realm file's `allow` lists. */
export const ACTIONS = ['call', 'register', 'publish', 'subscribe'] as const;

export interface StartOptions {
  /** Path of the router's config file, relative to the working directory. */
  readonly config: string;
}

export interface CheckOptions {
  readonly config: string;
  /** Warnings count as problems. */
  readonly strict: boolean;
}

export interface CanOptions {
  /** A principal's authid or a role's name. */
  readonly who: string;
  readonly action: (typeof ACTIONS)[number];
  readonly uri: string;
  readonly match: Match;
  /** Undefined: the only realm there is. */
  readonly realm: string | undefined;
  readonly config: string;
}

export interface KeysNewOptions {
  /** File for the private seed; undefined: stdout. */
  readonly out: string | undefined;
}

export interface HashOptions {
  /** What to make: a ticket's hash, or the stored form for WAMP-CRA or SCRAM. */
  readonly kind: 'ticket' | 'cra' | 'scram';
  /** What SCRAM's clients derive the key with; default argon2id13. */
  readonly kdf?: 'argon2id13' | 'pbkdf2' | undefined;
}

export interface LogOptions {
  readonly message: string | undefined;
  readonly topic: string | undefined;
  readonly actor: string | undefined;
  /** A duration or an RFC 3339 time, as typed. */
  readonly since: string | undefined;
  readonly follow: boolean;
  readonly json: boolean;
  /** A number, as typed. */
  readonly limit: string | undefined;
  readonly config: string;
  /** The log itself; undefined: the one that the config names. */
  readonly file: string | undefined;
}

/** What all commands that are clients have in common. */
export interface ClientOptions {
  /** Undefined, as the next three: the environment says, or a default. */
  readonly url: string | undefined;
  readonly realm: string | undefined;
  readonly authid: string | undefined;
  /** The variable that holds the ticket. */
  readonly ticketEnv: string | undefined;
  /** File with the private seed. */
  readonly keyFile: string | undefined;
  /** `key=value` options that go to the router as they are. */
  readonly options: readonly string[];
  /** Undefined: no limit. */
  readonly timeoutMs: number | undefined;
}

export interface PublishCommandOptions extends ClientOptions {
  readonly uri: string;
  /** As typed. */
  readonly args: readonly string[];
  /** `key=value`, as typed. */
  readonly kwargs: readonly string[];
  readonly json: boolean;
}

export interface CallCommandOptions extends PublishCommandOptions {
  /** Progressive results are asked for and printed. */
  readonly progress: boolean;
}

export interface SubscribeCommandOptions extends ClientOptions {
  readonly uri: string;
  readonly match: (typeof MATCHES)[number];
  /** Undefined: no end. */
  readonly count: number | undefined;
}

export interface RegisterCommandOptions extends SubscribeCommandOptions {
  /** Undefined: answers with what it was given. */
  readonly answer: string | undefined;
}

/** Every command, as the argument parser calls it. @returns the exit code (`ExitCode`) */
export interface Commands {
  start(options: StartOptions, io: Io): Promise<number>;
  check(options: CheckOptions, io: Io): Promise<number>;
  can(options: CanOptions, io: Io): Promise<number>;
  keysNew(options: KeysNewOptions, io: Io): Promise<number>;
  ticketNew(io: Io): Promise<number>;
  hash(options: HashOptions, io: Io): Promise<number>;
  log(options: LogOptions, io: Io): Promise<number>;
  call(options: CallCommandOptions, io: Io): Promise<number>;
  publish(options: PublishCommandOptions, io: Io): Promise<number>;
  subscribe(options: SubscribeCommandOptions, io: Io): Promise<number>;
  register(options: RegisterCommandOptions, io: Io): Promise<number>;
}

/** The commands themselves. Each file is loaded when its command runs, so that `--help` loads none of them. */
export const COMMANDS: Commands = {
  start: async (options, io) => (await import('./start.ts')).start(options, io),
  check: async (options, io) => (await import('./check.ts')).check(options, io),
  can: async (options, io) => (await import('./can.ts')).can(options, io),
  keysNew: async (options, io) => (await import('./keys.ts')).keysNew(options, io),
  ticketNew: async (io) => (await import('./ticket.ts')).ticketNew(io),
  hash: async (options, io) => (await import('./hash.ts')).hash(options, io),
  log: async (options, io) => (await import('./log.ts')).log(options, io),
  call: async (options, io) => (await import('./call.ts')).call(options, io),
  publish: async (options, io) => (await import('./publish.ts')).publish(options, io),
  subscribe: async (options, io) => (await import('./subscribe.ts')).subscribe(options, io),
  register: async (options, io) => (await import('./register.ts')).register(options, io),
};
