import pg from 'pg';
import { copyOut } from '../copy/streams/copy-out.js';
import { columnList, type CopyPlace, rowsOf } from '../copy/copy-place.js';
import { setTextForms } from '../copy/transaction.js';
import { TransferMeter } from '../copy/streams/transfer-meter.js';
import { readSnapshot } from './read-snapshot.js';
import type { ArchiveOptions } from './write-archive.js';

/** Receives the rows of one table after the other. */
export interface JsonLinesSink {
  /** @returns writes pieces of the table's lines; a piece may begin and end within a line */
  table(name: string): Promise<{ write(piece: Buffer): Promise<void>; end(): Promise<void> }>;
}

/**
 * CSV of one column between characters that JSON escapes: each row is its JSON and a line break. Values of type json are as they
 * were written; a line break in them can only be white space between their parts.
 */
const RAW_LINES = `(FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')`;

/**
 * Writes one tenant's rows from one snapshot as JSON lines, an object each with the table's columns but `tenant_id`.
 *
 * @throws ArchiveRefusedError, the signal's reason
 */
export async function writeJsonLines(
  place: CopyPlace,
  tenantId: string,
  sink: JsonLinesSink,
  { signal, onProgress, pace }: ArchiveOptions,
): Promise<void> {
  const { client } = place;
  const meter = new TransferMeter((rows) => onProgress?.(rows, rows), pace);
  await readSnapshot(place, tenantId, signal, async (tables) => {
    await setTextForms(client);
    for (const table of tables) {
      const file = await sink.table(table.name);
      const query = `SELECT translate(row_to_json(r)::text, E'\\n\\r', '  ')
                     FROM (SELECT ${columnList(table.columns)} FROM ${rowsOf(place, table)}
                     WHERE tenant_id = ${pg.escapeLiteral(tenantId)}::uuid) r`;
      const onPiece = async (piece: Buffer): Promise<void> => {
        await meter.wait(piece, signal);
        await file.write(piece);
      };
      await copyOut(client, query, onPiece, RAW_LINES);
      await file.end();
    }
  });
}
