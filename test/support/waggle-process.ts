/** The built command as a process of its own, as users run it. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Builds `dist` where it is not made from these sources; `npm test` has done so already. */
export function build(): void {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/prepare.mjs'], { cwd: ROOT, encoding: 'utf8' });
  if (status !== 0) throw new Error(`the build failed: ${stderr}`);
}

export interface SpawnOptions {
  /** Beside PATH and HOME; what this process has set is not passed on. */
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A running process and what it has said so far. It is killed when the test ends. */
export class WaggleProcess {
  stdout = '';
  stderr = '';
  /** Resolves when it has ended and all it said is here. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  readonly #child: ChildProcess;
  #over = false;
  #wake: (() => void)[] = [];

  constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.stdout += text;
      this.#changed();
    });
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.stderr += text;
      this.#changed();
    });
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        this.#over = true;
        this.#changed();
        resolve({ code, signal });
      });
    });
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Types a line. */
  type(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Waits until `find` finds something in what was said. @throws Error if the process ends before */
  async until<T>(find: (said: WaggleProcess) => T | null | undefined | false): Promise<T> {
    for (;;) {
      const found = find(this);
      if (found !== null && found !== undefined && found !== false) return found;
      if (this.#over) throw new Error(`it ended too early:\n${this.stdout}\n${this.stderr}`);
      await new Promise<void>((resolve) => {
        this.#wake.push(resolve);
      });
    }
  }

  /** Waits until all endpoints are open. */
  async ready(): Promise<this> {
    await this.until(({ stdout }) => /^ready in \d+ ms$/m.test(stdout));
    return this;
  }

  /** URL of the first endpoint of that protocol, without a `/` at the end. */
  url(protocol: 'wamp' | 'admin' = 'wamp'): string {
    const found = new RegExp(`^listening (\\S+?)/? ${protocol}$`, 'm').exec(this.stdout)?.[1];
    if (found === undefined) throw new Error(`no endpoint ${protocol} in:\n${this.stdout}`);
    return found;
  }

  /** Lines of the log; whatever on stderr is not JSON makes this fail. */
  get log(): readonly { readonly level: number; readonly msg: string; readonly [key: string]: unknown }[] {
    const whole = this.stderr.slice(0, this.stderr.lastIndexOf('\n') + 1);
    return whole
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line));
  }

  #changed(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }
}

/** Starts `command` with `args`; killed at the end of the test if it still runs. */
export function spawnCommand(command: string, args: readonly string[], options: SpawnOptions = {}): WaggleProcess {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(command, args, { cwd: options.cwd ?? ROOT, env: { PATH, HOME, ...options.env } });
  const running = new WaggleProcess(child);
  onTestFinished(async () => {
    running.kill('SIGKILL');
    await running.ended;
  });
  return running;
}

/** `waggle …` of `dist`. */
export function waggle(args: readonly string[], options: SpawnOptions = {}): WaggleProcess {
  return spawnCommand(process.execPath, [join(ROOT, 'dist/main.js'), ...args], options);
}

/** A folder with these files, removed when the test ends. @returns its path */
export function folderOf(files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'waggle-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return folder;
}
