import { appendFileSync, closeSync, openSync, renameSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { formatProblem } from '../../src/config/problem.ts';
import { type ConfigChange, type WatchOptions, watchConfig } from '../../src/config/watch.ts';
import { type Files, files, good, REALM, ROUTER } from '../unit/config/support.ts';

const OTHER = 'realm: other\nenvironment: dev\n';
const IN_FORCE_MS = 1000;

/** Everything the watcher says, in order, and a way to await the next of it. */
class Reports {
  readonly changes: ConfigChange[] = [];
  readonly problems: string[][] = [];
  #wake: () => void = () => undefined;

  readonly onChange = (change: ConfigChange) => {
    this.changes.push(change);
    this.#wake();
  };

  readonly onProblems = (problems: Parameters<WatchOptions['onProblems']>[0]) => {
    this.problems.push(problems.map(formatProblem));
    this.#wake();
  };

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => (this.#wake = resolve));
  }

  /** What was said within `ms`: for showing that nothing is said, which no event announces. */
  async quiet(ms: number): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve, ms));
  }

  get actions(): string[] {
    return this.changes.flatMap(({ changes }) =>
      changes.map((change) => (change.kind === 'realm' ? `${change.realm} ${change.action}` : change.path)),
    );
  }
}

function watched(
  options: Partial<WatchOptions> = {},
  texts: Readonly<Record<string, string>> = {},
): { set: Files; reports: Reports } {
  const set = files({ 'config/router.yaml': ROUTER, 'realms/swarm.yaml': REALM, 'realms/other.yaml': OTHER, ...texts });
  const reports = new Reports();
  const { onChange, onProblems } = reports;
  const current = good(set.load());
  const watcher = watchConfig(set.router, { env: {}, current, onChange, onProblems, cwd: set.folder, ...options });
  onTestFinished(() => watcher.close());
  return { set, reports };
}

describe.each([
  ['with notifications', {}],
  ['by polling alone', { notify: false }],
])('reload from files, %s', (_how, options) => {
  it('a saved change is in force within one second', async () => {
    const { set, reports } = watched(options);
    // In the middle of a polling interval, whatever the start does.
    await reports.quiet(700);
    const saved = Date.now();
    set.write('realms/swarm.yaml', REALM.replace('dev', 'prod'));
    await reports.until(() => reports.changes.length > 0);
    expect(Date.now() - saved).toBeLessThan(IN_FORCE_MS);
    expect(reports.actions).toEqual(['swarm changed']);
    expect(reports.changes[0]?.config.realms.get('swarm')?.environment).toBe('prod');
  });

  it('a file that was broken and is as before again is said to be good, though nothing changed', async () => {
    let repaired = 0;
    const { set, reports } = watched({ ...options, onRepaired: () => (repaired += 1) });
    writeFileSync(set.path('realms/swarm.yaml'), 'realm: [');
    await reports.until(() => reports.problems.length === 1);
    writeFileSync(set.path('realms/swarm.yaml'), REALM);
    await expect.poll(() => repaired, { timeout: 5000 }).toBe(1);
    expect(reports.changes).toEqual([]);
  });

  it('a change made before the watcher started is not missed', async () => {
    const { set, reports } = watched(options);
    set.write('realms/swarm.yaml', REALM.replace('dev', 'prod'));
    await reports.until(() => reports.actions.includes('swarm changed'));
  });

  it('a half-written file is not read: truncated first, then written in pieces', async () => {
    const { set, reports } = watched(options);
    await reports.quiet(300);
    const text = REALM.replace('dev', 'prod');
    const file = openSync(set.path('realms/swarm.yaml'), 'w');
    for (let i = 0; i < text.length; i += 40) {
      writeSync(file, text.slice(i, i + 40));
      await reports.quiet(40);
    }
    closeSync(file);
    await reports.until(() => reports.changes.length > 0);
    expect(reports.actions).toEqual(['swarm changed']);
    expect(reports.problems).toEqual([]);
  });

  it('an editor that writes beside and renames over makes one change', async () => {
    const { set, reports } = watched(options);
    await reports.quiet(300);
    writeFileSync(set.path('realms/.swarm.yaml.tmp'), REALM.replace('dev', 'prod'));
    renameSync(set.path('realms/.swarm.yaml.tmp'), set.path('realms/swarm.yaml'));
    await reports.until(() => reports.changes.length > 0);
    expect(reports.actions).toEqual(['swarm changed']);
    expect(reports.problems).toEqual([]);
  });

  it('an editor that moves the file away and writes it anew ends no realm', async () => {
    const { set, reports } = watched(options);
    await reports.quiet(300);
    renameSync(set.path('realms/swarm.yaml'), set.path('realms/swarm.yaml~'));
    await reports.quiet(700);
    set.write('realms/swarm.yaml', REALM.replace('dev', 'prod'));
    await reports.until(() => reports.changes.length > 0);
    expect(reports.actions).toEqual(['swarm changed']);
    expect(reports.problems).toEqual([]);
  });

  it('a broken file changes nothing and is reported once, with the text of check; repaired, it is in force', async () => {
    const { set, reports } = watched(options);
    await reports.quiet(300);
    set.write('realms/swarm.yaml', REALM.replace('role: agent', 'role: agnet'));
    set.write('realms/other.yaml', OTHER.replace('dev', 'prod'));
    await reports.until(() => reports.problems.length > 0);
    await reports.quiet(1200);
    expect(reports.problems).toEqual([
      ['realms/swarm.yaml:4:20: principals.planner.role: is "agnet", expected one of the roles agent'],
    ]);
    expect(reports.changes).toEqual([]);
    set.write('realms/swarm.yaml', REALM);
    await reports.until(() => reports.changes.length > 0);
    expect(reports.actions).toEqual(['other changed']);
  });

  it('a new file adds its realm', async () => {
    const { set, reports } = watched(options);
    set.write('realms/third.yaml', 'realm: third\n');
    await reports.until(() => reports.changes.length > 0);
    expect(reports.actions).toEqual(['third added']);
  });

  it('a file that is gone for two seconds ends its realm, not earlier', async () => {
    const { set, reports } = watched(options);
    await reports.quiet(300);
    const removed = Date.now();
    rmSync(set.path('realms/other.yaml'));
    await reports.until(() => reports.changes.length > 0);
    expect(Date.now() - removed).toBeGreaterThanOrEqual(1900);
    expect(reports.actions).toEqual(['other removed']);
    expect(reports.problems).toEqual([]);
  });
});

describe('reload from files', () => {
  it('while one file is missing, changes of others are in force, and the missing one counts as it was', async () => {
    const { set, reports } = watched();
    await reports.quiet(300);
    rmSync(set.path('realms/other.yaml'));
    await reports.quiet(300);
    set.write('realms/swarm.yaml', REALM.replace('dev', 'prod'));
    await reports.until(() => reports.changes.length > 0);
    expect(reports.actions).toEqual(['swarm changed']);
    expect(reports.changes[0]?.config.realms.has('other')).toBe(true);
    await reports.until(() => reports.changes.length > 1);
    expect(reports.actions).toEqual(['swarm changed', 'other removed']);
  });

  it('a renamed realm file is the same realm, and no problem', async () => {
    const { set, reports } = watched();
    await reports.quiet(300);
    renameSync(set.path('realms/other.yaml'), set.path('realms/another.yaml'));
    await reports.quiet(2800);
    expect(reports.problems).toEqual([]);
    expect(new Set(reports.actions)).toEqual(new Set(['other changed']));
  });

  it('all realm files gone at once is an error, and the realms stay', async () => {
    const { set, reports } = watched();
    await reports.quiet(300);
    renameSync(set.path('realms'), set.path('unmounted'));
    await reports.until(() => reports.problems.length > 0);
    expect(reports.problems[0]).toEqual([expect.stringContaining('config/router.yaml:1:1: realms: is ')]);
    renameSync(set.path('unmounted'), set.path('realms'));
    await reports.quiet(700);
    expect(reports.changes).toEqual([]);
    set.write('realms/other.yaml', OTHER.replace('dev', 'prod'));
    await reports.until(() => reports.changes.length > 0);
    expect(reports.actions).toEqual(['other changed']);
  });

  it('the router file gone is an error; an empty realm file is one too', async () => {
    const { set, reports } = watched();
    await reports.quiet(300);
    set.write('realms/other.yaml', '');
    await reports.until(() => reports.problems.length > 0);
    expect(reports.problems[0]).toEqual(['realms/other.yaml:1:1: file: is empty, expected a YAML map of keys']);
    set.write('realms/other.yaml', OTHER);
    rmSync(set.router);
    await reports.until(() => reports.problems.length > 1);
    expect(reports.problems[1]).toEqual([`config/router.yaml: no such file (looked in ${dirname(set.router)})`]);
    expect(reports.changes).toEqual([]);
  });

  it('a realm that an endpoint names may go, and later changes are still taken', async () => {
    const router = ROUTER.replace('protocol: wamp', 'protocol: wamp, realms: [swarm, other]');
    const { set, reports } = watched({}, { 'config/router.yaml': router });
    rmSync(set.path('realms/other.yaml'));
    await reports.until(() => reports.actions.includes('other removed'));
    set.write('realms/swarm.yaml', REALM.replace('dev', 'prod'));
    await reports.until(() => reports.actions.includes('swarm changed'));
    expect(reports.problems).toEqual([]);
  });

  it('a realm must be safe with the listeners that are open, whatever the file says by now', async () => {
    const open = ROUTER.replace('127.0.0.1:8080', '0.0.0.0:8080\n    behindTls: true');
    const { set, reports } = watched({}, { 'config/router.yaml': open });
    set.write('config/router.yaml', ROUTER);
    await reports.until(() => reports.changes.length > 0);
    set.write('realms/other.yaml', `${OTHER}anonymous: { role: a }\nroles: { a: [] }\n`);
    await reports.until(() => reports.problems.length > 0);
    expect(reports.problems[0]).toEqual([
      expect.stringContaining('realms/other.yaml:3:1: anonymous: lets anybody join'),
    ]);
  });

  it('a ticket file that changes is a change of its realm', async () => {
    const realm = REALM.replace('cryptosign', 'ticket: { file: t.txt }, cryptosign');
    const { set, reports } = watched({}, { 'realms/swarm.yaml': realm, 'realms/t.txt': 'one' });
    await reports.quiet(300);
    appendFileSync(set.path('realms/t.txt'), 'two');
    await reports.until(() => reports.changes.length > 0);
    expect(reports.actions).toEqual(['swarm changed']);
  });

  it('whoever throws when told does not stop the watching', async () => {
    let told = 0;
    let wake: () => void = () => undefined;
    const throwing = () => {
      told++;
      wake();
      throw new Error('not ready');
    };
    const until = async (n: number) => {
      while (told < n) await new Promise<void>((resolve) => (wake = resolve));
    };
    const { set } = watched({ onChange: throwing, onProblems: throwing });
    set.write('realms/swarm.yaml', REALM.replace('dev', 'prod'));
    // Once as the change, once as the problem that telling it was.
    await until(2);
    set.write('realms/swarm.yaml', REALM.replace('dev', 'staging'));
    await until(4);
  });

  it('closed, it says nothing more', async () => {
    const set = files({ 'config/router.yaml': ROUTER, 'realms/swarm.yaml': REALM });
    const reports = new Reports();
    const { onChange, onProblems } = reports;
    const watcher = watchConfig(set.router, { env: {}, current: good(set.load()), onChange, onProblems });
    set.write('realms/swarm.yaml', REALM.replace('dev', 'prod'));
    watcher.close();
    await reports.quiet(1000);
    expect(reports.changes).toEqual([]);
  });
});
