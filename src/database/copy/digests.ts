import pg from 'pg';
import { type CopyPlace, columnList, qualified, rowsOf } from './copy-place.js';
import { CopyMismatchError } from './copy.errors.js';
import type { CopiedTable } from './tables/copied-tables.js';
import { keyMatch } from './matches.js';
import { setTextForms, SNAPSHOT, transaction } from './transaction.js';

/** What a tenant's rows of one table amount to, in whatever order they are. */
export interface TableDigest {
  /** Bare name. */
  readonly table: string;
  readonly rows: number;
  /** Decimal digits, perhaps with a sign. */
  readonly hash: string;
}

interface Digest {
  readonly rows: number;
  readonly hash: string;
}

/**
 * Counts and hashes the tenant's rows, in the caller's transaction if there is one, whose settings stay as they are. The
 * columns are those of `tables`, in their order: pass the same tables for both places.
 *
 * @param rest waited for behind each table
 */
export async function digestRows(
  place: CopyPlace,
  tables: readonly CopiedTable[],
  tenantId: string,
  rest?: () => Promise<void>,
): Promise<TableDigest[]> {
  const { client } = place;
  const digestAll = async (): Promise<TableDigest[]> => {
    await setTextForms(client);
    const digests: TableDigest[] = [];
    for (const table of tables) {
      digests.push(await digest(place, table, tenantId));
      await rest?.();
    }
    return digests;
  };
  if (client.getTransactionStatus() === 'I') return transaction(client, SNAPSHOT, digestAll);
  await client.query('SAVEPOINT tenantry_digest');
  try {
    return await digestAll();
  } finally {
    // Brings the settings back. On a lost connection the error of the query is thrown.
    await client.query('ROLLBACK TO tenantry_digest; RELEASE tenantry_digest').catch(() => undefined);
  }
}

/** Which rows are counted; all unless given. */
interface CountedRows {
  /** A temporary table: those whose keys are in it. */
  readonly keys?: string;
  /** Those that meet a condition, as SQL, in which the table is `t`. */
  readonly condition?: string;
}

/** One table's digest, under the settings that the transaction has. */
export async function digest(
  place: CopyPlace,
  table: CopiedTable,
  tenantId: string,
  { keys, condition = 'true' }: CountedRows = {},
): Promise<TableDigest> {
  const join = keys === undefined ? '' : `JOIN ${keys} k ON ${keyMatch(table, 't', 'k')}`;
  const { rows } = await place.client.query<Digest>(
    `SELECT count(*)::float8 AS rows,
            coalesce(sum(hashtextextended((ROW(${columnList(table.columns, 't')})::text) COLLATE "C", 0)::numeric), 0)::text AS hash
     FROM ${rowsOf(place, table)} t ${join} WHERE t.tenant_id = ${pg.escapeLiteral(tenantId)}::uuid AND ${condition}`,
  );
  const [found] = rows;
  if (!found) throw new Error(`no digest of ${qualified(place, table.name)}`);
  return { table: table.name, rows: found.rows, hash: found.hash };
}

/** What two parts of a table amount to together. */
export function sumOf(one: TableDigest, other: TableDigest): TableDigest {
  return { table: one.table, rows: one.rows + other.rows, hash: String(BigInt(one.hash) + BigInt(other.hash)) };
}

/** @throws CopyMismatchError for the first table that differs */
export function assertEqualDigests(source: readonly TableDigest[], copy: readonly TableDigest[]): void {
  const copies = new Map(copy.map((found) => [found.table, found]));
  for (const { table, rows, hash } of source) {
    const other = copies.get(table);
    if (other?.rows !== rows || other.hash !== hash) throw new CopyMismatchError(table, rows, other?.rows ?? 0);
  }
}
