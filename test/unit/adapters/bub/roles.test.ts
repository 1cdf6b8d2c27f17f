import { describe, expect, it } from 'vitest';
import { isCanonical, maySend, roleOf } from '../../../../src/adapters/bub/roles.ts';

const TYPES = [
  'spawn_request',
  'spawn_result',
  'route_assigned',
  'configure',
  'tg_message',
  'tg_reply',
  'delivery_status',
  'agent_event',
];

/** The table of bub-v2 9, written out: x may be sent. In the order of TYPES. */
const MATRIX: readonly (readonly [name: string, row: string])[] = [
  ['tg:123456789', 'x..xx.x.'],
  ['agent:system', '.xx....x'],
  ['agent:worker-42', '.....xxx'],
  ['agent:system2', '.....xxx'],
  ['telegram-bridge', '........'],
  ['agent-1', '........'],
  ['tg:', '........'],
  ['agent:', '........'],
  ['TG:1', '........'],
];

describe('bub-v2 9: the role/type matrix', () => {
  const cells = MATRIX.flatMap(([name, row]) => TYPES.map((type, i) => [name, type, row[i] === 'x'] as const));

  it.each(cells)('%s sends %s: %s', (name, type, allowed) => {
    expect(maySend(name, type, false)).toBe(allowed);
  });

  it('allowOther lets names that are no role send any type, and changes nothing for the others', () => {
    for (const [name, row] of MATRIX) {
      for (const [i, type] of TYPES.entries()) {
        expect(maySend(name, type, true)).toBe(roleOf(name) === 'other' || row[i] === 'x');
      }
    }
  });

  it('types that the document does not know are nobody’s but others’ with allowOther', () => {
    for (const [name] of MATRIX) expect(maySend(name, 'own_type', false)).toBe(false);
    expect(maySend('bus-recv', 'own_type', true)).toBe(true);
  });

  it('8: the canonical types are these eight', () => {
    expect(TYPES.every(isCanonical)).toBe(true);
    expect(['wamp_event', 'wamp_call', 'own_type', ''].some(isCanonical)).toBe(false);
  });
});
