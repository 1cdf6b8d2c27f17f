/**
 * Makes the working copy ready to run: installs when `node_modules` does not hold what package-lock.json says, builds
 * when `dist` was not made from these sources. Needs nothing but Node and npm, because it is what installs the rest.
 *
 *   node scripts/prepare.mjs            install and build where needed
 *   node scripts/prepare.mjs --install  install only, where needed
 *   node scripts/prepare.mjs --build    build in any case
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { chmod, mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';
import { checkNode } from './node-version.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const MODULES = join(ROOT, 'node_modules');
const DIST = join(ROOT, 'dist');
const INSTALL_STAMP = join(MODULES, '.waggle-install.json');
const BUNDLE = 'scripts/bundle-agent.mjs';
const BUILD_STAMP = join(DIST, '.sources');

/** Something that was run did not succeed; what it had to say is already on the screen. */
class Failed extends Error {
  constructor(message, exitCode) {
    super(message);
    this.exitCode = exitCode;
  }
}

/**
 * @param {{ build?: 'never' | 'stale' | 'always', tools?: boolean }} [want] tools: the packages that only development
 *   needs must be there, even if nothing is to be built
 * @returns {Promise<number>} 0, or the exit code of what failed
 */
export async function prepare({ build = 'stale', tools = true } = {}) {
  try {
    checkNode(ROOT);
    if (isInstalled(tools) && !isToBuild(build)) return 0;
    // Looked at again under the lock: the one waited for has probably done the work.
    await withLock(
      join(ROOT, '.prepare.lock'),
      () => makeReady(build, tools),
      () => say('another process is installing or building here; waiting for it'),
    );
    return 0;
  } catch (error) {
    process.stderr.write(`waggle: ${error instanceof Error ? error.message : error}\n`);
    return error instanceof Failed ? error.exitCode : 1;
  }
}

async function makeReady(build, tools) {
  const toBuild = isToBuild(build);
  if (!isInstalled(tools || toBuild)) await install();
  if (toBuild) await compile();
}

function isToBuild(build) {
  return build === 'always' || (build === 'stale' && !isBuilt());
}

/** Compares what npm wrote down as installed with the lock file; times say little after a checkout or a copy. */
function isInstalled(tools) {
  const wanted = readJson(join(ROOT, 'package-lock.json'))?.packages;
  const found = readJson(join(MODULES, '.package-lock.json'))?.packages;
  if (wanted === undefined) throw new Failed('package-lock.json is missing or unreadable', 1);
  if (found === undefined) return false;
  for (const [path, { version, integrity, dev, optional, devOptional }] of Object.entries(wanted)) {
    if (path === '') continue;
    const there = found[path];
    if (there === undefined) {
      // Packages for other platforms are optional and rightly absent.
      if (optional || devOptional || (dev && !tools)) continue;
      return false;
    }
    if (there.version !== version || there.integrity !== integrity) return false;
  }
  const stamp = readJson(INSTALL_STAMP);
  return stamp === undefined || JSON.stringify(stamp) === JSON.stringify(machine());
}

/** What compiled packages depend on; an installation that was copied or mounted from elsewhere is made anew. */
function machine() {
  return { platform: process.platform, arch: process.arch, modules: process.versions.modules };
}

async function install() {
  say('installing packages (once; a minute or two)');
  // Whatever the user's npm is told elsewhere (omit=dev, production, dry-run, no lock file), these are needed here.
  const settings = ['--include=dev', '--include=optional', '--package-lock=true', '--dry-run=false', '--global=false'];
  const quiet = ['--no-audit', '--no-fund', '--loglevel=error'];
  const [command, ...first] = npm();
  await execute(command, [...first, 'ci', ...settings, ...quiet], { shell: command === 'npm.cmd' });
  await writeFile(INSTALL_STAMP, JSON.stringify(machine()));
}

/** The npm that started us, else the one beside this Node, else the one on the PATH. */
function npm() {
  const beside = [
    join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm', 'bin', 'npm-cli.js'),
    join(dirname(process.execPath), 'node_modules', 'npm', 'bin', 'npm-cli.js'),
  ];
  const started = process.env.npm_execpath;
  const script = [started?.endsWith('npm-cli.js') ? started : undefined, ...beside].find(
    (path) => path && existsSync(path),
  );
  if (script !== undefined) return [process.execPath, script];
  return [process.platform === 'win32' ? 'npm.cmd' : 'npm'];
}

/** Whether `dist` was made from exactly these sources. */
function isBuilt() {
  try {
    return existsSync(join(DIST, 'main.js')) && readFileSync(BUILD_STAMP, 'utf8') === sources();
  } catch (error) {
    if (error.code === 'ENOENT') return false;
    throw error;
  }
}

/** Hash over all that the build reads: names and contents. */
function sources() {
  const hash = createHash('sha256');
  const files = ['tsconfig.json', 'tsconfig.build.json', 'tsconfig.agent.json', 'package-lock.json', BUNDLE];
  for (const file of [...files.map((name) => join(ROOT, name)), ...walk(join(ROOT, 'src'))]) {
    hash
      .update(`${relative(ROOT, file)}\0`)
      .update(readFileSync(file))
      .update('\0');
  }
  return hash.digest('hex');
}

function* walk(folder) {
  const entries = readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const entry of entries) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* walk(path);
    else yield path;
  }
}

/** Compiles beside `dist` and swaps: a failed build leaves the old one, and no file of a deleted source stays behind. */
async function compile() {
  say('building');
  const fresh = join(ROOT, 'dist.new');
  const old = join(ROOT, 'dist.old');
  await rm(fresh, { recursive: true, force: true });
  await mkdir(fresh);
  const stamp = sources();
  const tsc = join(MODULES, 'typescript', 'bin', 'tsc');
  await execute(process.execPath, [tsc, '-p', join(ROOT, 'tsconfig.build.json'), '--outDir', fresh]);
  await chmod(join(fresh, 'main.js'), 0o755);
  // What others import, for their compilers and their browsers.
  await execute(process.execPath, [tsc, '-p', join(ROOT, 'tsconfig.agent.json'), '--outDir', fresh]);
  await execute(process.execPath, [join(ROOT, BUNDLE), fresh]);
  await writeFile(join(fresh, '.sources'), stamp);
  await rm(old, { recursive: true, force: true });
  if (existsSync(DIST)) await rename(DIST, old);
  await rename(fresh, DIST);
  await rm(old, { recursive: true, force: true });
}

/** Runs a program to its end in the project's folder; what it prints goes to stderr, which leaves stdout to the router. */
function execute(command, args, options = {}) {
  const path = [join(MODULES, '.bin'), dirname(process.execPath), process.env.PATH].join(delimiter);
  const env = { ...process.env, PATH: path };
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, env, stdio: ['ignore', 2, 2], ...options });
    // Told to stop: the child is told too, and when it has ended the lock is let go.
    const stop = (signal) => child.kill(signal);
    process.on('SIGINT', stop).on('SIGTERM', stop);
    const done = () => process.off('SIGINT', stop).off('SIGTERM', stop);
    child.on('error', (error) => {
      done();
      reject(new Failed(`${command} cannot be started: ${error.message}`, 1));
    });
    child.on('exit', (code, signal) => {
      done();
      if (code === 0) resolve();
      else reject(new Failed(`${what(args)} failed`, code ?? (signal === 'SIGINT' ? 130 : 143)));
    });
  });
}

function what(args) {
  return args.includes('ci') ? 'npm ci' : 'the build';
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return undefined;
  }
}

function say(text) {
  process.stderr.write(`waggle: ${text}\n`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const flag = process.argv[2];
  process.exitCode = await prepare({ build: flag === '--build' ? 'always' : flag === '--install' ? 'never' : 'stale' });
}
