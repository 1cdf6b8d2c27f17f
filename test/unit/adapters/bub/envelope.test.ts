import { describe, expect, it } from 'vitest';
import { envelopeProblem, isTimestamp, wrap } from '../../../../src/adapters/bub/envelope.ts';

describe('bub-v2 7: timestamps are date-times of RFC 3339', () => {
  it.each([
    '2026-02-17T12:00:00Z',
    '2026-11-20T11:27:31.160219+00:00',
    '2024-02-29t23:59:60z',
    '1985-04-12T23:20:50.52Z',
    '1996-12-19T16:39:57-08:00',
    '2000-02-29T00:00:00+23:59',
  ])('%s is one', (text) => expect(isTimestamp(text)).toBe(true));

  it.each([
    'yesterday',
    '',
    '2026-02-17',
    '2026-02-17T12:00:00',
    '2026-02-17 12:00:00Z',
    '2026-02-17T12:00Z',
    '2026-02-17T24:00:00Z',
    '2026-02-17T12:60:00Z',
    '2026-02-17T12:00:61Z',
    '2026-13-01T12:00:00Z',
    '2026-00-01T12:00:00Z',
    '2026-04-31T12:00:00Z',
    '2023-02-29T12:00:00Z',
    '1900-02-29T12:00:00Z',
    '2026-02-17T12:00:00+24:00',
    '2026-02-17T12:00:00+0100',
    '2026-02-17T12:00:00.Z',
    ' 2026-02-17T12:00:00Z',
  ])('%j is none', (text) => expect(isTimestamp(text)).toBe(false));
});

describe('bub-v2 7: the envelope', () => {
  const whole = {
    messageId: 'm',
    type: 't',
    from: 'f',
    timestamp: '2026-02-17T12:00:00Z',
    content: {},
  };

  it('may have further members, which carry no meaning', () => {
    expect(envelopeProblem({ ...whole, to: 'somebody' })).toBeUndefined();
  });

  it.each(Object.keys(whole))('without its own %s is none, and the problem names it', (name) => {
    const { [name as 'type']: _gone, ...rest } = whole;
    expect(envelopeProblem(rest)).toContain(`payload.${name}`);
    expect(envelopeProblem(Object.assign(Object.create(whole), rest))).toContain(`payload.${name}`);
  });

  it('made for what comes from elsewhere is whole', () => {
    const made = wrap('wamp_event', 7, undefined, 0, { args: [1], kwargs: undefined });
    expect(envelopeProblem({ ...made })).toBeUndefined();
    expect(made).toEqual({
      messageId: 'wamp-7',
      type: 'wamp_event',
      from: 'wamp',
      timestamp: '1970-01-01T00:00:00.000Z',
      content: { args: [1], kwargs: {} },
    });
  });
});
