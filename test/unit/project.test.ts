import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
// @ts-expect-error: the scripts run before anything is installed, so they are plain JavaScript without declarations
import { isSupported } from '../../scripts/node-version.mjs';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SKIPPED = new Set(['node_modules', 'dist', 'dist.new', 'dist.old', 'data', 'coverage', '.git']);

/** Files of the working copy that are ours, relative to its root. */
function files(folder = ''): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (SKIPPED.has(entry.name)) return [];
    if (entry.isDirectory()) return files(path);
    return entry.isFile() ? [path] : [];
  });
}

describe('the project', () => {
  it('no file names a registry host, so that everybody installs from the one npm is set to', () => {
    // Written in two halves, so that this file does not match itself.
    const forbidden = new RegExp(`${'registry'}\\.npm|"${'resolved'}": *"http`);
    expect(files().filter((file) => forbidden.test(readFileSync(join(ROOT, file), 'utf8')))).toEqual([]);
  });

  it('the lock file names every optional package that its packages name, so that npm ci works on every platform', () => {
    const lock: { packages: Record<string, { optionalDependencies?: Record<string, string> }> } = JSON.parse(
      readFileSync(join(ROOT, 'package-lock.json'), 'utf8'),
    );
    const locked = new Set(Object.keys(lock.packages).map((path) => path.split('node_modules/').pop()));
    const named = Object.values(lock.packages).flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}));
    expect(named.filter((name) => !locked.has(name))).toEqual([]);
  });

  it('the lock file speaks of the same dependencies as package.json', () => {
    const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
    for (const key of ['dependencies', 'devDependencies', 'engines']) expect(packages[''][key]).toEqual(manifest[key]);
  });

  it.each([
    ['20.18.9', false],
    ['20.19.0', true],
    ['21.7.0', false],
    ['22.11.0', false],
    ['22.12.0', true],
    ['24.1.0', true],
    ['18.20.0', false],
  ])('Node %s is supported: %s', (version, supported) => {
    expect(isSupported(version, '^20.19.0 || >=22.12.0')).toBe(supported);
  });

  it.runIf(existsSync(join(ROOT, 'dist/main.js')))('the built command answers --version', () => {
    const { status, stdout } = spawnSync(process.execPath, [join(ROOT, 'dist/main.js'), '--version'], {
      encoding: 'utf8',
    });
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });
});
