import type { Identity } from '../../router/authorizer.ts';
import type { PastEvent } from '../../router/history.ts';
import type { NameLists } from '../../router/publish-filter.ts';
import type { Passthru } from '../../wamp/options.ts';
import { Payload, type PayloadCodec } from '../../wamp/payload.ts';
import type { HistoryRow } from './messages.ts';

/** What most events have nothing of. */
interface HistoryExtras {
  readonly disclosed?: { readonly session: number; readonly identity: Identity } | undefined;
  readonly trustlevel?: number | undefined;
  readonly passthru?: Passthru | undefined;
  readonly receivers?: NameLists | undefined;
}

/**
 * @param codecs by index; a payload that was made in memory is written by the last one
 * @throws WampError where that has no words for it
 */
export function toRow(series: string, event: PastEvent, codecs: readonly PayloadCodec[]): HistoryRow {
  const { order, time, publication, topic, payload, disclosed, trustlevel, passthru, receivers, weight } = event;
  const codec = codecs[payload.codecIndex ?? codecs.length - 1];
  if (codec === undefined) throw new Error(`no serializer ${payload.codecIndex}`);
  const { bytes, elements } = payload.tail(codec);
  const extras: HistoryExtras = { disclosed, trustlevel, passthru, receivers };
  const isPlain = Object.values(extras).every((each) => each === undefined);
  return {
    series,
    ord: order,
    time,
    publication,
    topic,
    codec: codec.index,
    elements,
    // A view of a larger buffer would be handed over with all of it.
    payload: bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes),
    extras: isPlain ? null : JSON.stringify(extras),
    weight,
  };
}

export function fromRow(row: HistoryRow, codecs: readonly PayloadCodec[]): PastEvent {
  const codec = codecs[row.codec];
  if (codec === undefined) throw new Error(`no serializer ${row.codec}`);
  const elements = row.elements === 2 ? 2 : row.elements === 1 ? 1 : 0;
  const bytes = Buffer.from(row.payload.buffer, row.payload.byteOffset, row.payload.byteLength);
  const { disclosed, trustlevel, passthru, receivers } = extrasOf(row);
  return {
    order: row.ord,
    time: row.time,
    publication: row.publication,
    topic: row.topic,
    payload: Payload.raw(codec, { bytes, elements }),
    disclosed,
    trustlevel,
    passthru,
    receivers,
    weight: row.weight,
  };
}

/** Who may see a row. */
export function receiversOf(row: Pick<HistoryRow, 'extras'>): NameLists | undefined {
  return extrasOf(row).receivers;
}

function extrasOf({ extras }: Pick<HistoryRow, 'extras'>): HistoryExtras {
  return extras === null ? {} : (JSON.parse(extras) as HistoryExtras);
}
