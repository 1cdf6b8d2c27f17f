/** Lengths of payloads that benches use: a status, a task, a document. */
export const PAYLOAD_BYTES: readonly number[] = [60, 1024, 16_384];

/** A dictionary as agents send it, that is about `bytes` long in JSON: some numbers and much text. */
export function payloadOf(bytes: number): Record<string, unknown> {
  const item = { id: 4711, state: 'working', text: '' };
  const items: (typeof item)[] = [];
  let left = bytes - 12;
  while (left > 0) {
    const text = 'the quick brown fox jumps over the lazy dog '
      .repeat(5)
      .slice(0, Math.max(0, Math.min(200, left - 40)));
    items.push({ ...item, text });
    left -= 40 + text.length;
  }
  return { items };
}
