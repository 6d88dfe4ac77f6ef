import { columnList, type CopyPlace, qualified } from './copy-place.js';
import { writing } from './refusals.js';

/** Rows of a table in a temporary one, until those of all tables of a cycle of foreign keys are there. */
export interface StagedTable {
  readonly table: string;
  readonly columns: readonly string[];
  /** The temporary table, as SQL. */
  readonly staged: string;
}

/** Makes a temporary table like one of the place, until the transaction ends. @param n tells it from others */
export async function stageTable(
  place: CopyPlace,
  { table, columns, n }: { readonly table: string; readonly columns: readonly string[]; readonly n: number },
): Promise<StagedTable> {
  const name = `tenantry_staged_${n}`;
  await place.client.query(
    `CREATE TEMP TABLE ${name} ON COMMIT DROP AS
     SELECT ${columnList(columns)} FROM ${qualified(place, table)} WITH NO DATA`,
  );
  return { table, columns, staged: `pg_temp.${name}` };
}

/** Foreign keys are checked at the end of a statement, so that one statement writes a whole cycle. */
export async function insertStaged(place: CopyPlace, tables: readonly StagedTable[]): Promise<void> {
  const inserts = tables.map(({ table, columns, staged }, n) => {
    const list = columnList(columns);
    return `i${n} AS (INSERT INTO ${qualified(place, table)} (${list}) OVERRIDING SYSTEM VALUE SELECT ${list} FROM ${staged})`;
  });
  await writing(() => place.client.query(`WITH ${inserts.join(', ')} SELECT`));
}
