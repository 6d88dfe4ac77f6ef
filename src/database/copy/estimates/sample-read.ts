import pg from 'pg';
import { to as copyTo } from 'pg-copy-streams';
import { columnList, type CopyPlace, rowsOf } from '../copy-place.js';
import { copiedTables } from '../tables/copied-tables.js';
import { setTextForms, transaction } from '../transaction.js';
import type { TableSize } from './table-sizes.js';

export interface SampleLimits {
  readonly maxBytes: number;
  readonly maxMs: number;
}

/** What was read of a tenant's rows, in the form in which they are copied, and how long that took. */
export interface ReadSample {
  readonly rows: number;
  readonly bytes: number;
  readonly ms: number;
}

const QUERY_CANCELED = '57014';
const NEWLINE = 0x0a;

/**
 * Reads some of a tenant's rows by COPY, as a copy does, and discards them: of the largest tables first, until either limit is
 * reached. The server itself ends a statement that takes longer.
 */
export async function sampleRead(
  place: CopyPlace,
  tenantId: string,
  sizes: readonly TableSize[],
  { maxBytes, maxMs }: SampleLimits,
): Promise<ReadSample> {
  const tables = (await copiedTables(place.client, place.schema)).flat();
  const sample = { rows: 0, bytes: 0, ms: 0 };
  for (const { table: name, rows, bytes } of sizes.toSorted((a, b) => b.bytes - a.bytes)) {
    const table = tables.find((other) => other.name === name);
    const [msLeft, bytesLeft] = [maxMs - sample.ms, maxBytes - sample.bytes];
    if (!table || rows === 0) continue;
    if (msLeft < 1 || bytesLeft <= 0) break;
    const limit = Math.ceil(bytesLeft / Math.max(1, bytes / rows));
    const query = `SELECT ${columnList(table.columns)} FROM ${rowsOf(place, table)}
                   WHERE tenant_id = ${pg.escapeLiteral(tenantId)}::uuid LIMIT ${limit}`;
    await readInto(sample, place.client, query, msLeft);
  }
  return sample;
}

/** Rows that arrived before the server ended the statement count. */
async function readInto(
  sample: { rows: number; bytes: number; ms: number },
  client: pg.Client,
  query: string,
  timeoutMs: number,
): Promise<void> {
  let startedAt = performance.now();
  try {
    await transaction(client, 'BEGIN READ ONLY', async () => {
      await setTextForms(client);
      await client.query(`SELECT set_config('statement_timeout', $1, true)`, [String(Math.ceil(timeoutMs))]);
      startedAt = performance.now();
      for await (const piece of client.query(copyTo(`COPY (${query}) TO STDOUT`)) as AsyncIterable<Buffer>) {
        sample.bytes += piece.length;
        for (let at = piece.indexOf(NEWLINE); at !== -1; at = piece.indexOf(NEWLINE, at + 1)) sample.rows += 1;
      }
    });
  } catch (error) {
    if ((error as { code?: unknown }).code !== QUERY_CANCELED) throw error;
  } finally {
    sample.ms += performance.now() - startedAt;
  }
}
