import { chmodSync, mkdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ActivityLogError } from '../../../src/observe/activity/activity-log.ts';
import { database, NO_SQLITE, openLog, row, rowsOf, temporaryFolder, until } from '../../support/activity.ts';
import { FakeClock } from '../../support/fake-clock.ts';

describe.skipIf(NO_SQLITE !== undefined)('the activity log', () => {
  it('has the table and the indexes of bub-v2 §12, nothing more and nothing less', async () => {
    const { log, file } = await openLog();
    await log.close();
    const db = database(file);
    const columns = db.prepare("SELECT name, type, [notnull], pk FROM pragma_table_info('activity_log')").all();
    const column = (name: string, notnull: number) => ({ name, type: 'TEXT', notnull, pk: 0 });
    expect(columns).toEqual([
      { name: 'id', type: 'INTEGER', notnull: 0, pk: 1 },
      ...['ts', 'event', 'message_id'].map((name) => column(name, 1)),
      ...['rpc_id', 'actor', 'topic', 'status', 'payload_json', 'error'].map((name) => column(name, 0)),
    ]);
    const named = db.prepare("SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name");
    expect(named.all()).toEqual([
      { name: 'activity_log', sql: expect.stringContaining('PRIMARY KEY AUTOINCREMENT') },
      { name: 'idx_activity_message_id', sql: expect.stringContaining('ON activity_log(message_id)') },
      { name: 'idx_activity_ts', sql: expect.stringContaining('ON activity_log(ts)') },
    ]);
    expect(db.pragma('journal_mode', { simple: true })).toBe('wal');
  });

  it('writes every field of a row, stamped with the time of record() in UTC with milliseconds', async () => {
    const clock = new FakeClock(Date.parse('2026-02-17T12:00:00.007Z'));
    const { log, file } = await openLog({ clock });
    const fields = { event: 'process_finish', rpcId: '7', actor: 'agent:system', topic: 't:ü', status: 'ok' } as const;
    log.record(row('m1', { ...fields, payloadJson: '{"a":"🐝"}', error: 'e' }));
    clock.advance(3);
    log.record(row('m2'));
    await log.close();
    expect(rowsOf(file)).toEqual([
      {
        id: 1,
        ts: '2026-02-17T12:00:00.007Z',
        event: 'process_finish',
        message_id: 'm1',
        rpc_id: '7',
        actor: 'agent:system',
        topic: 't:ü',
        status: 'ok',
        payload_json: '{"a":"🐝"}',
        error: 'e',
      },
      expect.objectContaining({ id: 2, ts: '2026-02-17T12:00:00.010Z', payload_json: null, error: '', rpc_id: '' }),
    ]);
  });

  it('writes what comes together in one transaction, in the order it was recorded', async () => {
    const { log, file } = await openLog();
    for (let i = 0; i < 5000; i += 1) log.record(row(`m${i}`));
    await log.close();
    expect(rowsOf(file).map((written) => written.message_id)).toEqual(Array.from({ length: 5000 }, (_, i) => `m${i}`));
    expect(log).toMatchObject({ written: 5000, dropped: 0, queued: 0, queuedBytes: 0, batches: 1, healthy: true });
  });

  it('sends what was recorded after 50 ms, however little it is', async () => {
    const clock = new FakeClock();
    const { log, file } = await openLog({ clock });
    log.record(row('m1'));
    clock.advance(49);
    expect(log.queued).toBe(1);
    clock.advance(1);
    await until(() => log.written === 1);
    expect(rowsOf(file)).toHaveLength(1);
  });

  it('makes folder and file readable by their owner only, and the files beside it too (CONTRACT §5)', async () => {
    const file = join(temporaryFolder(), 'data', 'sub', 'activity.sqlite3');
    const { log } = await openLog({ file });
    log.record(row('m1'));
    await until(() => log.written === 1);
    const mode = (path: string) => (statSync(path).mode & 0o777).toString(8);
    expect([file, `${file}-wal`, `${file}-shm`, dirname(file)].map(mode)).toEqual(['600', '600', '600', '700']);
  });

  it('takes away rights that others have on a file that is already there', async () => {
    const file = join(temporaryFolder(), 'activity.sqlite3');
    writeFileSync(file, '');
    chmodSync(file, 0o644);
    await openLog({ file });
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
  });

  it('goes on in a file that is there: ids rise, nothing is overwritten', async () => {
    const first = await openLog();
    first.log.record(row('m1'));
    await first.log.close();
    const second = await openLog({ file: first.file });
    second.log.record(row('m2'));
    await second.log.close();
    expect(rowsOf(first.file).map(({ id, message_id }) => [id, message_id])).toEqual([
      [1, 'm1'],
      [2, 'm2'],
    ]);
  });

  it.each([
    ['is no database', (file: string) => writeFileSync(file, 'something else'.repeat(100)), /not a database/],
    ['is a folder', (file: string) => mkdirSync(file), /EISDIR/],
    ['lies below a file', (file: string) => writeFileSync(dirname(file), ''), /EEXIST|ENOTDIR/],
    [
      'has another table of that name',
      (file: string) => database(file).exec('CREATE TABLE activity_log (message_id TEXT, ts TEXT)'),
      /no column named event/,
    ],
  ])('refuses a file that %s, saying why', async (_what, make, why) => {
    const file = join(temporaryFolder(), 'data', 'activity.sqlite3');
    if (_what !== 'lies below a file') mkdirSync(dirname(file));
    make(file);
    const refused = await openLog({ file }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(ActivityLogError);
    expect(refused).toMatchObject({ message: expect.stringMatching(why), sqliteMissing: false });
  });

  it('begins a new file when the old one is moved away, as log rotation does, and says so', async () => {
    const { log, file, problem } = await openLog();
    log.record(row('m1'));
    await until(() => log.written === 1);
    renameSync(file, `${file}.1`);
    log.record(row('m2'));
    await until(() => log.written === 2);
    await log.close();
    expect(rowsOf(file).map(({ message_id }) => message_id)).toEqual(['m2']);
    expect(rowsOf(`${file}.1`).map(({ message_id }) => message_id)).toEqual(['m1']);
    expect(await problem('warn')).toContain('a new file was begun');
    expect((statSync(file).mode & 0o777).toString(8)).toBe('600');
  });

  it('begins a new file when folder and all are removed', async () => {
    const { log, file } = await openLog();
    log.record(row('m1'));
    await until(() => log.written === 1);
    rmSync(dirname(file), { recursive: true });
    log.record(row('m2'));
    await until(() => log.written === 2);
    expect(rowsOf(file).map(({ message_id }) => message_id)).toEqual(['m2']);
  });

  it('a graceful close writes everything that is queued, in order', async () => {
    const { log, file } = await openLog();
    for (let i = 0; i < 30_000; i += 1) log.record(row(`m${i}`, { payloadJson: 'x'.repeat(i % 300) }));
    await log.close();
    expect(log).toMatchObject({ written: 30_000, queued: 0 });
    expect(() => statSync(`${file}-wal`)).toThrow();
    expect(rowsOf(file).every((written, i) => written.message_id === `m${i}`)).toBe(true);
  });

  it('counts what is recorded after close, and a second close is harmless', async () => {
    const { log } = await openLog();
    await log.close();
    log.record(row('late'));
    await log.close();
    expect(log).toMatchObject({ dropped: 1, queued: 0 });
  });

  it('a reader in a long transaction does not hold the writer up', async () => {
    const { log, file } = await openLog();
    log.record(row('m1'));
    await until(() => log.written === 1);
    const reader = database(file, { readonly: true });
    reader.exec('BEGIN');
    expect(reader.prepare('SELECT count(*) AS n FROM activity_log').get()).toEqual({ n: 1 });
    for (let i = 0; i < 3000; i += 1) log.record(row(`n${i}`));
    await until(() => log.written === 3001);
    expect(reader.prepare('SELECT count(*) AS n FROM activity_log').get()).toEqual({ n: 1 });
    reader.exec('COMMIT');
    expect(reader.prepare('SELECT count(*) AS n FROM activity_log').get()).toEqual({ n: 3001 });
  });
});

describe.skipIf(NO_SQLITE !== undefined)('whenFull: block', () => {
  /** With a clock that stands still nothing is sent, so the queue is what the test makes it. */
  const small = (clock = new FakeClock()) => openLog({ clock, whenFull: 'block', queueRows: 10 });

  it('reserves while there is room, then holds back, and lets through in order when rows are written', async () => {
    const clock = new FakeClock();
    const { log, file } = await small(clock);
    const order: string[] = [];
    expect(log.reserve(6, () => order.push('never'))).toBe(true);
    expect(log.reserve(6, () => order.push('b'))).toBe(false);
    expect(log.reserve(1, () => order.push('c'))).toBe(false);
    for (let i = 0; i < 6; i += 1) log.record(row(`m${i}`));
    expect(log.waiting).toBe(2);
    clock.advance(50);
    await until(() => log.written === 6);
    expect(order).toEqual(['b', 'c']);
    expect(log).toMatchObject({ waiting: 0, dropped: 0 });
    await log.close();
    expect(rowsOf(file)).toHaveLength(6);
  });

  it('what is released makes room at once', async () => {
    const { log } = await small();
    let ready = 0;
    expect(log.reserve(10, () => {})).toBe(true);
    expect(log.reserve(4, () => (ready += 1))).toBe(false);
    log.release(5);
    expect(ready).toBe(1);
    expect(log.reserve(2, () => {})).toBe(false);
    log.release(1);
    expect(log.waiting).toBe(0);
  });

  it('rows that were reserved count once when they are recorded', async () => {
    const { log } = await small();
    expect(log.reserve(5, () => {})).toBe(true);
    for (let i = 0; i < 5; i += 1) log.record(row(`m${i}`));
    expect(log.reserve(5, () => {})).toBe(true);
    expect(log.reserve(1, () => {})).toBe(false);
  });

  it('a message with more rows than there ever is room for goes alone', async () => {
    const { log } = await small();
    expect(log.reserve(50, () => {})).toBe(true);
    let ready = false;
    expect(log.reserve(1, () => (ready = true))).toBe(false);
    log.release(50);
    expect(ready).toBe(true);
  });

  it('the bytes that wait are bounded too', async () => {
    const clock = new FakeClock();
    const { log } = await openLog({ clock, queueBytes: 1000 });
    log.record(row('m1', { payloadJson: 'x'.repeat(1000) }));
    let ready = false;
    expect(log.reserve(1, () => (ready = true))).toBe(false);
    clock.advance(50);
    await until(() => ready);
  });

  it('holds back while a row waits for more than half a second, so that a kill under load costs no more', async () => {
    const clock = new FakeClock();
    const { log } = await openLog({ clock });
    let ready = false;
    log.record(row('m1'));
    clock.jump(501);
    expect(log.reserve(1, () => (ready = true))).toBe(false);
    clock.advance(50);
    await until(() => ready);
    expect(log.reserve(1, () => {})).toBe(true);
  });

  it('rows that nobody held back get as much room again, then are left out and counted, and a row says so', async () => {
    const clock = new FakeClock();
    const { log, file } = await small(clock);
    for (let i = 0; i < 25; i += 1) log.record(row(`m${i}`));
    expect(log).toMatchObject({ queued: 20, dropped: 5 });
    clock.advance(50);
    await until(() => log.written === 20);
    await log.close();
    expect(rowsOf(file).at(-1)).toMatchObject({ event: 'rows_missing', message_id: '', status: '5' });
  });

  it('closing lets everybody through who is held back', async () => {
    const { log } = await small();
    let ready = false;
    log.reserve(10, () => {});
    log.reserve(1, () => (ready = true));
    await log.close();
    expect(ready).toBe(true);
  });
});

describe.skipIf(NO_SQLITE !== undefined)('whenFull: drop', () => {
  it('holds nobody back; rows without room are left out and counted, and a row stands where they are missing', async () => {
    const clock = new FakeClock();
    const { log, file } = await openLog({ clock, whenFull: 'drop', queueRows: 10 });
    expect(log.reserve(1000, () => {})).toBe(true);
    for (let i = 0; i < 15; i += 1) log.record(row(`m${i}`));
    expect(log).toMatchObject({ queued: 10, dropped: 5 });
    clock.advance(50);
    await until(() => log.written === 10);
    log.record(row('after'));
    await log.close();
    const rows = rowsOf(file);
    expect(rows.slice(9).map(({ event, message_id, status }) => [event, message_id, status])).toEqual([
      ['send_start', 'm9', 'start'],
      ['rows_missing', '', '5'],
      ['send_start', 'after', 'start'],
    ]);
    expect(rows[10]?.error).toBe('5 rows are missing here: they came faster than they could be written');
    expect(log.written + log.dropped).toBe(17);
  });
});

describe.skipIf(NO_SQLITE !== undefined)('retention', () => {
  const count = (file: string): number => rowsOf(file).length;

  it('is off by default: old rows stay', async () => {
    const clock = new FakeClock(Date.parse('2000-01-01T00:00:00Z'));
    const first = await openLog({ clock });
    for (let i = 0; i < 10; i += 1) first.log.record(row(`m${i}`));
    await first.log.close();
    const second = await openLog({ file: first.file });
    second.log.record(row('new'));
    await until(() => second.log.written === 1);
    expect(count(first.file)).toBe(11);
  });

  it('maxAgeMs: rows that are older are deleted, in pieces, the younger stay', async () => {
    const clock = new FakeClock(Date.parse('2000-01-01T00:00:00Z'));
    const first = await openLog({ clock });
    for (let i = 0; i < 3000; i += 1) first.log.record(row(`old${i}`));
    await first.log.close();
    const second = await openLog({ file: first.file, maxAgeMs: 3_600_000 });
    second.log.record(row('new'));
    await until(() => count(first.file) === 1);
    expect(rowsOf(first.file)[0]).toMatchObject({ id: 3001, message_id: 'new' });
  });

  it('maxBytes: the oldest rows are deleted until the rest fits, and the file shrinks', async () => {
    const first = await openLog();
    for (let i = 0; i < 20_000; i += 1) first.log.record(row(`m${i}`, { payloadJson: 'x'.repeat(300) }));
    await first.log.close();
    const before = statSync(first.file).size;
    const second = await openLog({ file: first.file, maxBytes: 2 * 1024 * 1024 });
    await until(() => count(first.file) < 6000);
    const watching = database(first.file, { readonly: true });
    await until(() => Number(watching.pragma('page_count', { simple: true })) * 8192 < before / 2);
    watching.close();
    await second.log.close();
    expect(statSync(first.file).size).toBeLessThan(before / 2);
    expect(rowsOf(first.file).at(-1)).toMatchObject({ id: 20_000 });
  });
});
