/** The activity log's file: its table as bub-v2 §12 gives it, column for column, and what is set when it is opened. */

/** Columns in the order of the table. */
export interface LogRow {
  readonly id: number;
  /** RFC 3339, UTC, milliseconds: texts that sort as times do. */
  readonly ts: string;
  readonly event: string;
  readonly message_id: string;
  readonly rpc_id: string | null;
  readonly actor: string | null;
  readonly topic: string | null;
  readonly status: string | null;
  readonly payload_json: string | null;
  readonly error: string | null;
}

/** The event of a row that stands for rows which were left out; `status` is how many, `error` says so in words. */
export const ROWS_MISSING = 'rows_missing';

/** AUTOINCREMENT: an id is never used again, so whoever reads on behind an id misses nothing. */
export const SCHEMA = `
CREATE TABLE IF NOT EXISTS activity_log (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  ts TEXT NOT NULL,
  event TEXT NOT NULL,
  message_id TEXT NOT NULL,
  rpc_id TEXT,
  actor TEXT,
  topic TEXT,
  status TEXT,
  payload_json TEXT,
  error TEXT
);
CREATE INDEX IF NOT EXISTS idx_activity_message_id ON activity_log(message_id);
CREATE INDEX IF NOT EXISTS idx_activity_ts ON activity_log(ts);
`;

export const COLUMNS = 'id, ts, event, message_id, rpc_id, actor, topic, status, payload_json, error';

/** Values of a row as {@link insertRows} takes them. */
export const VALUES_PER_ROW = 9;

/**
 * The statement that writes so many rows. OR FAIL: where it fails the transaction is undone, so SQLite need not keep the
 * pages as they were before the statement.
 */
export function insertRows(rows: number): string {
  const values = Array(rows).fill('(?, ?, ?, ?, ?, ?, ?, ?, ?)').join(', ');
  return `INSERT OR FAIL INTO activity_log (ts, event, message_id, rpc_id, actor, topic, status, payload_json, error) VALUES ${values}`;
}
