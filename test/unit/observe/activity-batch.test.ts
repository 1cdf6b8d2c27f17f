import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Batch, countRows, unpack } from '../../../src/observe/activity/batch.ts';

describe('a batch of activity rows', () => {
  it('comes out as it went in, whatever the texts hold', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 });
    const anyRow = fc.record({
      event: fc.constantFrom('send_start', 'process_start', 'process_finish', 'send_finish', 'rows_missing'),
      messageId: text,
      rpcId: text,
      actor: text,
      topic: text,
      status: text,
      payloadJson: fc.option(text, { nil: undefined }),
      error: text,
    });
    fc.assert(
      fc.property(fc.array(fc.tuple(anyRow, fc.integer({ min: 0, max: 4e12 })), { maxLength: 30 }), (rows) => {
        const batch = new Batch();
        for (const [row, now] of rows) batch.add(row, now);
        expect(batch.rows).toBe(rows.length);
        const packed = structuredClone(batch.pack());
        expect(countRows(packed)).toBe(rows.length);
        expect(packed.text.length).toBe(batch.size);
        const expected = rows.map(([row, now]) => [
          new Date(now).toISOString(),
          row.event,
          row.messageId,
          row.rpcId,
          row.actor,
          row.topic,
          row.status,
          row.payloadJson ?? null,
          row.error,
        ]);
        expect([...unpack(packed)]).toEqual(expected);
      }),
    );
  });

  it('an absent payload is NULL and an empty one is not', () => {
    const batch = new Batch();
    const row = {
      event: 'send_start',
      messageId: 'm',
      rpcId: '',
      actor: '',
      topic: '',
      status: '',
      error: '',
    } as const;
    batch.add({ ...row, payloadJson: undefined }, 0);
    batch.add({ ...row, payloadJson: '' }, 0);
    expect([...unpack(batch.pack())].map((values) => values[7])).toEqual([null, '']);
  });
});
