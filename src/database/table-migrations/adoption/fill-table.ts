import type pg from 'pg';
import { pause } from '../locks/lock-retry.js';
import type { AdoptionRecords, RecordedStep } from './adoption-records.js';
import { TenantlessRowsError } from './adoption.errors.js';
import type { FillStep } from './adoption-step.js';

const BLOCK_BYTES = 8_192;
const FIRST_BLOCKS = 32;
const MAX_BLOCKS = 1_024;
/** How long a batch should take at most, in ms: its rows are locked so long. */
const BATCH_MS = 150;
/** Between two looks at rows that were locked. */
const PAUSE_MS = 250;

export interface FillOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called after each batch with blocks of the table. */
  readonly onProgress?: (done: number, total: number) => void;
}

/**
 * Fills `tenant_id` of the rows that exist, by ranges of the table's blocks, each in a short transaction of its own. Rows that
 * another transaction has locked are passed over, and looked for again at the end, so that a batch never waits for the
 * application, and is never part of a deadlock.
 *
 * @throws TenantlessRowsError, the signal's reason
 */
export async function fillTable(
  client: pg.ClientBase,
  fill: FillStep,
  records: AdoptionRecords,
  { position, cursor }: Pick<RecordedStep, 'position' | 'cursor'>,
  { signal, onProgress }: FillOptions,
): Promise<void> {
  const silence = fill.hasTriggers && (await maySilenceTriggers(client));
  let from = cursor;
  for (;;) {
    const total = await blocksOf(client, fill.table);
    let blocks = FIRST_BLOCKS;
    while (from < total) {
      signal?.throwIfAborted();
      const startedAt = performance.now();
      await fillBlocks(client, fill, silence, { from, to: from + blocks }, () =>
        records.saveCursor(position, from + blocks),
      );
      from += blocks;
      onProgress?.(Math.min(from, total), total);
      const factor = BATCH_MS / 2 / Math.max(1, performance.now() - startedAt);
      blocks = Math.max(1, Math.min(MAX_BLOCKS, Math.floor(blocks * Math.min(2, factor))));
    }
    if (!(await hasUnfilled(client, fill))) return;
    const tenantless = await countTenantless(client, fill);
    if (tenantless > 0) throw new TenantlessRowsError(fill.table, tenantless);
    await pause(PAUSE_MS, signal);
    from = 0;
  }
}

async function fillBlocks(
  client: pg.ClientBase,
  { table, value, from: source }: FillStep,
  silence: boolean,
  range: { readonly from: number; readonly to: number },
  save: () => Promise<void>,
): Promise<void> {
  await client.query('BEGIN');
  try {
    if (silence) await client.query('SET LOCAL session_replication_role = replica');
    await client.query(
      `UPDATE ${table} t SET tenant_id = ${value} ${source ? `FROM ${source.source} ` : ''}
       WHERE ${source ? `${source.on} AND ` : ''}t.ctid = ANY (ARRAY(
         SELECT u.ctid FROM ${table} u
         WHERE u.ctid >= '(${range.from},0)' AND u.ctid < '(${range.to},0)' AND u.tenant_id IS NULL
         FOR NO KEY UPDATE SKIP LOCKED))`,
    );
    await save();
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined); // on a lost connection, the server has rolled back
    throw error;
  }
}

async function maySilenceTriggers(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ may: boolean }>(
    `SELECT has_parameter_privilege(current_user, 'session_replication_role', 'SET') AS may`,
  );
  return rows[0]?.may === true;
}

async function blocksOf(client: pg.ClientBase, table: string): Promise<number> {
  const { rows } = await client.query<{ blocks: string }>(
    `SELECT pg_relation_size($1::regclass) / ${BLOCK_BYTES} AS blocks`,
    [table],
  );
  return Number(rows[0]?.blocks ?? 0);
}

async function hasUnfilled(client: pg.ClientBase, { table }: FillStep): Promise<boolean> {
  const { rows } = await client.query<{ some: boolean }>(
    `SELECT EXISTS (SELECT FROM ${table} WHERE tenant_id IS NULL) AS some`,
  );
  return rows[0]?.some === true;
}

/** Rows that no batch can fill. */
async function countTenantless(client: pg.ClientBase, { table, value, from }: FillStep): Promise<number> {
  const source = from ? `LEFT JOIN ${from.source} ON ${from.on}` : '';
  const { rows } = await client.query<{ n: string }>(
    `SELECT count(*) AS n FROM ${table} t ${source} WHERE t.tenant_id IS NULL AND (${value}) IS NULL`,
  );
  return Number(rows[0]?.n ?? 0);
}
