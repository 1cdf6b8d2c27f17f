import { describe, expect, it } from 'vitest';
import { createLog, type LogLevel } from '../../../src/observe/log.ts';

/** A log whose lines stay in memory. */
function recorded(level: LogLevel, isTTY = false) {
  const lines: string[] = [];
  const log = createLog(level, { isTTY, write: (line: string) => lines.push(line) });
  return { log, lines };
}

describe('the log', () => {
  it('is one JSON object a line where stderr is no terminal, without host or process', () => {
    const { log, lines } = recorded('info');
    log.info({ session: 7 }, 'said');
    expect(lines).toHaveLength(1);
    expect(lines[0]?.endsWith('\n')).toBe(true);
    const line = JSON.parse(lines[0] ?? '');
    expect(line).toEqual({ level: 30, time: expect.any(Number), session: 7, msg: 'said' });
  });

  it('is pretty on a terminal', () => {
    const { log, lines } = recorded('info', true);
    log.info({ session: 7 }, 'said');
    expect(lines.join('')).toMatch(/INFO.*said/s);
    expect(lines.join('')).not.toContain('{"level"');
  });

  it('says what its level allows, and obeys a level that changes', () => {
    const { log, lines } = recorded('warn');
    log.info('not said');
    log.warn('said');
    log.level = 'info';
    log.info('said now');
    log.level = 'silent';
    log.fatal('not said');
    expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['said', 'said now']);
  });

  it.each(['ticket', 'signature', 'secret', 'token', 'password', 'authorization', 'cookie'])(
    'never says what a careless object carries as %s',
    (key) => {
      for (const isTTY of [false, true]) {
        const { log, lines } = recorded('trace', isTTY);
        log.info({ [key]: 'MARKER', nested: { [key]: 'MARKER' } }, 'careless');
        expect(lines.join('')).toContain('careless');
        expect(lines.join('')).not.toContain('MARKER');
      }
    },
  );

  it('lets no control character of a peer reach the terminal: they could forge lines or do worse', () => {
    const { log, lines } = recorded('info', true);
    const forged = 'a.topic\n[12:00:00.000] INFO: all is well\u001b[2J\u009b31m\r';
    log.info({ uri: forged, details: { uri: forged } }, 'denied');
    log.info(`a message with ${forged}`);
    log.error({ err: new Error(forged) }, 'failed');
    // Colours of our own are there on purpose.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    const plain = lines.join('').replaceAll(/\u001b\[\d*m/g, '');
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    expect(plain).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    expect(plain).toContain('a message with a.topic\\n[12:00:00.000] INFO: all is well\\u001b[2J\\u009b31m\\r');
  });
});
