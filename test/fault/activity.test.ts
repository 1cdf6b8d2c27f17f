import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { database, NO_SQLITE, openLog, row, rowsOf, temporaryFolder, until } from '../support/activity.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { STARTED, TYPESCRIPT } from '../support/typescript-workers.ts';

/** Mounts a file system of one MiB; undefined: not allowed here. */
function smallDisk(): { readonly folder: string; unmount(): void } | undefined {
  const folder = join(temporaryFolder(), 'disk');
  mkdirSync(folder);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  return { folder, unmount: () => execFileSync('umount', ['-l', folder]) };
}

/** Lets five seconds pass on a faked clock, and the writer's messages that came meanwhile. */
async function stall(clock: FakeClock): Promise<void> {
  clock.advance(5000);
  await new Promise((resolve) => setImmediate(resolve));
}

describe.skipIf(NO_SQLITE !== undefined)('a router that is killed while it logs', () => {
  it('leaves a file that opens clean and lacks only rows younger than one second', async () => {
    const file = join(temporaryFolder(), 'activity.sqlite3');
    const program = fileURLToPath(new URL('../support/activity-program.ts', import.meta.url));
    const child = spawn(process.execPath, [...TYPESCRIPT, program, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text));
    // Some 10,000 rows in: in the middle of writing, whatever the moment.
    await until(() => Number(said.trimEnd().split(' ').at(-1)) > 10_000);
    child.kill('SIGKILL');
    await once(child, 'close');

    const reports = said.match(/^\d+ \d+$/gm)?.map((line) => line.split(' ').map(Number)) ?? [];
    const killedAt = reports.at(-1)?.[0] ?? 0;
    const dueByThen = reports.filter(([at = 0]) => at <= killedAt - 1000).at(-1)?.[1] ?? 0;
    expect(dueByThen).toBeGreaterThan(1000);
    const db = database(file);
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok');
    const rows = rowsOf(file);
    expect(rows.length).toBeGreaterThanOrEqual(dueByThen);
    expect(rows.every(({ message_id }, i) => message_id === `m${i}`)).toBe(true);
  });
});

describe.skipIf(NO_SQLITE !== undefined)('a locked activity log', () => {
  it('holds messages back for five seconds, then lets them go on without room, and counts what is missing', async () => {
    const clock = new FakeClock();
    const { log, file, problem } = await openLog({ clock, whenFull: 'block', queueRows: 10 });
    const other = database(file);
    other.exec('BEGIN IMMEDIATE');
    let ready = false;
    expect(log.reserve(10, () => {})).toBe(true);
    expect(log.reserve(4, () => (ready = true))).toBe(false);
    for (let i = 0; i < 10; i += 1) log.record(row(`m${i}`));
    clock.advance(50);
    expect(await problem('warn')).toMatch(/trying again: database is locked/);
    clock.advance(4900);
    await new Promise((resolve) => setImmediate(resolve));
    expect({ healthy: log.healthy, ready }).toEqual({ healthy: true, ready: false });

    await stall(clock);
    expect(await problem('error')).toMatch(/not written \(database is locked.*1 messages that were held back go on/);
    expect({ healthy: log.healthy, ready }).toEqual({ healthy: false, ready: true });
    for (let i = 0; i < 4; i += 1) log.record(row(`lost${i}`));
    expect(log.reserve(100, () => {})).toBe(true);
    expect(log.dropped).toBe(4);

    other.exec('COMMIT');
    expect(await problem('info')).toBe('the activity log is written again; 4 rows are missing');
    expect(log.healthy).toBe(true);
    log.release(100);
    await log.close();
    expect(rowsOf(file).map(({ event, message_id, status }) => `${event} ${message_id} ${status}`)).toEqual([
      ...Array.from({ length: 10 }, (_, i) => `send_start m${i} start`),
      'rows_missing  4',
    ]);
  });

  it('a lock that passes within five seconds costs nothing', async () => {
    const { log, file, problem, problems } = await openLog();
    const other = database(file);
    other.exec('BEGIN IMMEDIATE');
    for (let i = 0; i < 3000; i += 1) log.record(row(`m${i}`));
    await problem('warn');
    other.exec('COMMIT');
    await until(() => log.written === 3000);
    expect(problems.map(({ severity }) => severity)).toEqual(['warn']);
    expect(log).toMatchObject({ healthy: true, dropped: 0 });
  });

  it('that is locked when the router starts, is opened when it can be', async () => {
    const first = await openLog();
    await first.log.close();
    const other = database(first.file);
    other.pragma('locking_mode = EXCLUSIVE');
    other.exec('BEGIN EXCLUSIVE');
    const { log, problem } = await openLog({ file: first.file });
    expect(log.healthy).toBe(false);
    log.record(row('m1'));
    other.exec('COMMIT');
    other.close();
    await problem('info');
    await until(() => log.written === 1);
    expect(log.healthy).toBe(true);
  });

  it('close does not wait for ever: it says how many rows are lost', async () => {
    const { log, file, problem } = await openLog({ closeTimeoutMs: 300 });
    database(file).exec('BEGIN IMMEDIATE');
    for (let i = 0; i < 3000; i += 1) log.record(row(`m${i}`));
    await log.close();
    expect(await problem('error')).toMatch(/3000 rows are lost: database is locked/);
  });
});

describe.skipIf(NO_SQLITE !== undefined)('a full disk', () => {
  it('routing goes on; what found room is written when there is space again, and a row tells what did not', async (test) => {
    const disk = smallDisk();
    if (disk === undefined) return test.skip('file systems cannot be mounted here');
    try {
      const clock = new FakeClock();
      const file = join(disk.folder, 'activity.sqlite3');
      const { log, problem } = await openLog({ file, clock, whenFull: 'block', queueRows: 1000 });
      log.record(row('first'));
      clock.advance(50);
      await until(() => log.written === 1);
      const ballast = join(disk.folder, 'ballast');
      expect(() => writeFileSync(ballast, Buffer.alloc(2 * 1024 * 1024))).toThrow(/ENOSPC/);

      for (let i = 0; i < 1000; i += 1) log.record(row(`m${i}`, { payloadJson: 'x'.repeat(100) }));
      clock.advance(50);
      expect(await problem('warn')).toMatch(/SQLITE_FULL|SQLITE_IOERR|full/);
      await stall(clock);
      expect(await problem('error')).toContain('is not written');
      expect(log.reserve(4, () => {})).toBe(true);
      for (let i = 0; i < 4; i += 1) log.record(row('lost'));
      expect(log).toMatchObject({ healthy: false, dropped: 4 });

      rmSync(ballast);
      expect(await problem('info')).toContain('4 rows are missing');
      await log.close();
      const rows = rowsOf(file);
      expect(rows).toHaveLength(1002);
      expect(rows.at(-1)).toMatchObject({ event: 'rows_missing', status: '4' });
      expect(database(file).pragma('integrity_check', { simple: true })).toBe('ok');
    } finally {
      disk.unmount();
    }
  });
});

describe.skipIf(NO_SQLITE !== undefined)('a file that goes away', () => {
  it('and cannot be made anew is failing, not lost: it is written once there is a place for it', async () => {
    const clock = new FakeClock();
    const { log, file, problem } = await openLog({ clock });
    const folder = dirname(file);
    rmSync(folder, { recursive: true });
    writeFileSync(folder, 'in the way');
    log.record(row('m1'));
    clock.advance(50);
    expect(await problem('warn')).toMatch(/EEXIST|ENOTDIR/);
    await stall(clock);
    expect(log.healthy).toBe(false);
    rmSync(folder);
    await problem('info');
    await until(() => log.written === 1);
    expect(rowsOf(file).map(({ message_id }) => message_id)).toEqual(['m1']);
    expect(log.healthy).toBe(true);
  });
});

describe.skipIf(NO_SQLITE !== undefined)('a writer that ends by itself', () => {
  it('is replaced after a second, and what it had not confirmed is written by the next one', async () => {
    const clock = new FakeClock();
    const { log, file, problem } = await openLog({ clock });
    log.record(row('m1'));
    clock.advance(50);
    await until(() => log.written === 1);
    await STARTED.at(-1)?.terminate();
    expect(await problem('warn')).toContain('its writer ended');
    for (let i = 2; i < 3000; i += 1) log.record(row(`m${i}`));
    clock.advance(1000);
    await until(() => log.written === 2999);
    await log.close();
    expect(rowsOf(file).every(({ message_id }, i) => message_id === `m${i + 1}`)).toBe(true);
    expect(log).toMatchObject({ healthy: true, dropped: 0, queued: 0 });
  });

  it('is replaced also while the log closes, so that everything queued is written', async () => {
    const { log, file } = await openLog();
    for (let i = 0; i < 20_000; i += 1) log.record(row(`m${i}`));
    const closed = log.close();
    await STARTED.at(-1)?.terminate();
    await closed;
    const ids = new Set(rowsOf(file).map(({ message_id }) => message_id));
    expect(ids.size).toBe(20_000);
  });
});

describe('without better-sqlite3', () => {
  it('the log says that it is missing, so that the router can run without', () => {
    const folder = join(temporaryFolder(), 'observe', 'activity');
    cpSync(fileURLToPath(new URL('../../src/observe/activity', import.meta.url)), folder, { recursive: true });
    const program = join(folder, 'program.ts');
    writeFileSync(
      program,
      `import { ActivityLog } from './activity-log.ts';
       const clock = { now: () => 0, setTimer: () => () => {} };
       const options = { file: ${JSON.stringify(join(folder, 'a.sqlite3'))}, whenFull: 'block', clock, onProblem() {} };
       ActivityLog.open(options).catch((error) => console.log(error.name, error.sqliteMissing, error.message));`,
    );
    const said = execFileSync(process.execPath, [...TYPESCRIPT, program], { encoding: 'utf8' });
    expect(said).toMatch(/^ActivityLogError true the package better-sqlite3 is not installed/);
  });
});
