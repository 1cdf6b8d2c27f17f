import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { LogOptions } from '../../../src/cli/commands.ts';
import { UsageError } from '../../../src/cli/io.ts';
import { log, startOf } from '../../../src/cli/log.ts';
import { NO_SQLITE, openLog, row, temporaryFolder, until } from '../../support/activity.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const START = Date.parse('2026-02-17T12:00:00.000Z');

function recorder() {
  const said = { out: '', err: '' };
  const io = {
    stdout: { write: (text: string) => (said.out += text) },
    stderr: { write: (text: string) => (said.err += text) },
    env: {},
  };
  return { said, io };
}

function options(fields: Partial<LogOptions>): LogOptions {
  const none = { message: undefined, topic: undefined, actor: undefined, since: undefined, limit: undefined };
  return { ...none, follow: false, json: false, config: 'none.yaml', file: undefined, ...fields };
}

async function ask(fields: Partial<LogOptions>) {
  const { said, io } = recorder();
  const code = await log(options(fields), io);
  return { code, ...said, lines: said.out.split('\n').slice(0, -1) };
}

/** Ids of messages as `--json` prints them. */
async function messages(fields: Partial<LogOptions>): Promise<string[]> {
  const { lines } = await ask({ json: true, ...fields });
  return lines.map((line) => JSON.parse(line).message_id);
}

/** One message's life from the tg peer to the system agent, and others around it. */
async function filled(): Promise<string> {
  const clock = new FakeClock(START);
  const { log: sink, file } = await openLog({ clock });
  sink.record(row('m0', { topic: 'tg:[1]', actor: 'agent:x' }));
  sink.record(row('m1', { payloadJson: '{"messageId":"m1"}' }));
  clock.advance(1);
  sink.record(row('m1', { event: 'process_start', actor: 'agent:system' }));
  clock.advance(34);
  sink.record(row('m1', { event: 'process_finish', actor: 'agent:system', status: 'ok' }));
  clock.advance(1);
  sink.record(row('m1', { event: 'send_finish', status: 'ok' }));
  clock.advance(5000);
  sink.record(row('m2', { topic: 'tg:2', error: 'timed\nout\u001b[31m' }));
  await sink.close();
  return file;
}

describe.skipIf(NO_SQLITE !== undefined)('waggle log', () => {
  it('prints every column of the table as JSON lines', async () => {
    const { code, lines, err } = await ask({ file: await filled(), json: true, message: 'm2' });
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(lines.map((line) => JSON.parse(line))).toEqual([
      {
        id: 6,
        ts: '2026-02-17T12:00:05.036Z',
        event: 'send_start',
        message_id: 'm2',
        rpc_id: '',
        actor: 'tg:1',
        topic: 'tg:2',
        status: 'start',
        payload_json: null,
        error: 'timed\nout\u001b[31m',
      },
    ]);
  });

  it('filters by topic with * and ?, everything else literally, by actor and by time, and by all together', async () => {
    const file = await filled();
    expect(await messages({ file, topic: 'tg:*' })).toEqual(['m0', 'm2']);
    expect(await messages({ file, topic: 'tg:?' })).toEqual(['m2']);
    expect(await messages({ file, topic: 'tg:[1]' })).toEqual(['m0']);
    expect(await messages({ file, topic: 'TG:*' })).toEqual([]);
    expect(await messages({ file, actor: 'agent:x' })).toEqual(['m0']);
    expect(await messages({ file, since: '2026-02-17T13:00:01+01:00' })).toEqual(['m2']);
    expect(await messages({ file, topic: 'system:*', actor: 'agent:system' })).toEqual(['m1', 'm1']);
  });

  it('shows the newest rows that match where a limit is given', async () => {
    const file = await filled();
    expect(await messages({ file, limit: '2' })).toEqual(['m1', 'm2']);
    expect(await messages({ file, limit: '0' })).toEqual([]);
    expect(await messages({ file, limit: '1', topic: 'tg:*' })).toEqual(['m2']);
    expect(await messages({ file, limit: '100' })).toHaveLength(6);
  });

  it('shows the newest hundred where nothing says which are wanted, and all since a time', async () => {
    const { log: sink, file } = await openLog();
    for (let i = 0; i < 2500; i += 1) sink.record(row(`n${i}`));
    await sink.close();
    expect((await messages({ file })).at(0)).toBe('n2400');
    expect(await messages({ file, since: '1d' })).toHaveLength(2500);
  });

  it('prints one line for each row; what came from the wire cannot steer the terminal', async () => {
    const { lines } = await ask({ file: await filled() });
    expect(lines).toHaveLength(6);
    expect(lines[2]).toBe('2026-02-17T12:00:00.001Z  process_start   m1  agent:system  system:spawn  start');
    expect(lines[5]).toContain('timed\\u{a}out\\u{1b}[31m');
  });

  it('--message prints the life of one message as a timeline', async () => {
    const { out } = await ask({ file: await filled(), message: 'm1' });
    expect(out).toBe(
      [
        'message m1 on system:spawn, 2026-02-17T12:00:00.000Z',
        '       +0 ms  send_start      tg:1  start',
        '              {"messageId":"m1"}',
        '       +1 ms  process_start   agent:system  start',
        '      +35 ms  process_finish  agent:system  ok  (34 ms)',
        '      +36 ms  send_finish     tg:1  ok',
        '',
      ].join('\n'),
    );
  });

  it('--message says when the end is missing, and when there is no such message', async () => {
    const file = await filled();
    expect((await ask({ file, message: 'm2' })).out).toContain('no send_finish');
    expect(await ask({ file, message: 'none' })).toMatchObject({ code: 0, out: '', err: 'no such rows\n' });
  });

  it('--follow prints what a running router writes, also in a new file after rotation, until it is stopped', async () => {
    const { log: sink, file } = await openLog();
    sink.record(row('m1'));
    await until(() => sink.written === 1);
    const { said, io } = recorder();
    const stop = new AbortController();
    const following = log(options({ file, follow: true, json: true }), io, stop.signal);
    await until(() => said.out.includes('"m1"'));
    sink.record(row('m2'));
    await until(() => said.out.includes('"m2"'));
    renameSync(file, `${file}.1`);
    sink.record(row('m3'));
    await until(() => said.out.includes('"m3"'));
    stop.abort();
    expect(await following).toBe(0);
    expect(said.out.match(/"m\d"/g)).toEqual(['"m1"', '"m2"', '"m3"']);
  });

  it('finds the file through the config', async () => {
    const folder = temporaryFolder();
    const config = join(folder, 'router.yaml');
    const { log: sink } = await openLog({ file: join(folder, 'a.sqlite3') });
    sink.record(row('m1'));
    await sink.close();
    mkdirSync(join(folder, 'realms'));
    writeFileSync(join(folder, 'realms', 'r.yaml'), 'realm: r\n');
    const listeners = 'listeners: [{ tcp: "127.0.0.1:0", endpoints: [{ path: /ws, protocol: wamp }] }]\n';
    writeFileSync(config, `realms: realms\n${listeners}activityLog: { file: a.sqlite3 }\n`);
    expect(await ask({ config, json: true })).toMatchObject({ code: 0, err: '', out: expect.stringContaining('"m1"') });
    writeFileSync(config, `realms: realms\n${listeners}`);
    expect(await ask({ config })).toMatchObject({ code: 1, err: expect.stringContaining('no activityLog') });
  });

  it('says in a sentence where there is no log, no config, or another kind of file, and exits with 1', async () => {
    const folder = temporaryFolder();
    const file = join(folder, 'a.sqlite3');
    expect(await ask({ file })).toMatchObject({ code: 1, err: expect.stringContaining('no activity log at') });
    expect(await ask({})).toMatchObject({ code: 1, err: expect.stringContaining('--file') });
    writeFileSync(file, 'x'.repeat(1000));
    expect(await ask({ file })).toMatchObject({ code: 1, err: expect.stringContaining('not a database') });
  });
});

describe('waggle log --since', () => {
  it.each([
    ['500ms', '2026-02-17T11:59:59.500Z'],
    ['90s', '2026-02-17T11:58:30.000Z'],
    ['10m', '2026-02-17T11:50:00.000Z'],
    ['2h', '2026-02-17T10:00:00.000Z'],
    ['1d', '2026-02-16T12:00:00.000Z'],
    ['1w', '2026-02-10T12:00:00.000Z'],
    ['2026-02-17T12:00:00Z', '2026-02-17T12:00:00.000Z'],
    ['2026-02-17T13:30:00.25+01:30', '2026-02-17T12:00:00.250Z'],
  ])('%s is a beginning', (since, start) => {
    expect(startOf(since, START)).toBe(start);
  });

  it.each(['', '10', 'm', '1y', '-5m', 'yesterday', '2026-02-17', '2026-02-30T25:00:00Z', '99999999999999d'])(
    '%j is wrong usage',
    (since) => {
      expect(() => startOf(since, START)).toThrow(UsageError);
    },
  );

  it('a limit that is no number is wrong usage', async () => {
    await expect(ask({ limit: 'x' })).rejects.toThrow(UsageError);
  });
});
