import pg from 'pg';
import { columnList, type CopyPlace, qualified, rowsOf } from '../copy-place.js';
import { type CopiedTable, copiedTables } from '../tables/copied-tables.js';
import { setTextForms, transaction } from '../transaction.js';

/** What a tenant has in a table. */
export interface TableSize {
  /** Bare name; a partitioned table stands for its partitions. */
  readonly table: string;
  readonly rows: number;
  /** Whether the rows are the planner's estimate: there are too many to count. */
  readonly isEstimated: boolean;
  /**
   * On disk. Where the tenant is alone: of the table with its indexes. In shared tables: its rows by their average width, which is
   * an estimate and leaves indexes out.
   */
  readonly bytes: number;
}

export interface SizeOptions {
  /** Up to how many rows a table's are counted; `Infinity` counts all, which reads all. */
  readonly exactUpTo: number;
  /** How long the statements for a table may take, with what they wait for; 0: any time. */
  readonly timeoutMs: number;
}

interface Plan {
  readonly 'Plan Rows': number;
  readonly 'Plan Width': number;
}

/** How much a tenant has in each table that would be copied. Reads only. @throws 57014 after `timeoutMs` */
export async function tableSizes(place: CopyPlace, tenantId: string, options: SizeOptions): Promise<TableSize[]> {
  const sizes: TableSize[] = [];
  for (const table of (await copiedTables(place.client, place.schema)).flat()) {
    sizes.push(await tableSize(place, table, tenantId, options));
  }
  return sizes;
}

function tableSize(
  place: CopyPlace,
  table: CopiedTable,
  tenantId: string,
  { exactUpTo, timeoutMs }: SizeOptions,
): Promise<TableSize> {
  const { client } = place;
  return transaction(client, 'BEGIN READ ONLY', async () => {
    await setTextForms(client);
    await client.query(`SELECT set_config('statement_timeout', $1, true)`, [String(timeoutMs)]);
    const counted = await countRows(place, table, tenantId, exactUpTo);
    const plan = await planOf(place, table, tenantId);
    const rows = counted ?? Math.max(plan['Plan Rows'], exactUpTo + 1);
    const bytes = place.isAlone ? await bytesOf(place, table) : rows * plan['Plan Width'];
    return { table: table.name, rows, isEstimated: counted === undefined, bytes };
  });
}

/** Undefined when there are more. */
async function countRows(
  place: CopyPlace,
  table: CopiedTable,
  tenantId: string,
  most: number,
): Promise<number | undefined> {
  const limit = Number.isFinite(most) ? `LIMIT ${most + 1}` : '';
  const { rows } = await place.client.query<{ rows: number }>(
    `SELECT count(*)::float8 AS rows FROM (SELECT FROM ${rowsOf(place, table)} WHERE tenant_id = $1 ${limit}) counted`,
    [tenantId],
  );
  const counted = rows[0]?.rows ?? 0;
  return counted > most ? undefined : counted;
}

async function planOf(place: CopyPlace, table: CopiedTable, tenantId: string): Promise<Plan> {
  const { rows } = await place.client.query<{ 'QUERY PLAN': [{ Plan: Plan }] }>(
    `EXPLAIN (FORMAT JSON) SELECT ${columnList(table.columns)} FROM ${rowsOf(place, table)}
     WHERE tenant_id = ${pg.escapeLiteral(tenantId)}::uuid`,
  );
  return rows[0]?.['QUERY PLAN'][0].Plan ?? { 'Plan Rows': 0, 'Plan Width': 0 };
}

async function bytesOf(place: CopyPlace, { name }: CopiedTable): Promise<number> {
  const { rows } = await place.client.query<{ bytes: number }>(
    `SELECT sum(pg_total_relation_size(relid))::float8 AS bytes
     FROM (SELECT $1::regclass AS relid UNION SELECT relid FROM pg_partition_tree($1::regclass)) parts`,
    [qualified(place, name)],
  );
  return rows[0]?.bytes ?? 0;
}
