import pg from 'pg';
import { type CopyPlace, rowsOf } from '../copy-place.js';
import type { CopiedTable } from '../tables/copied-tables.js';

/** How many rows of a tenant the planner expects in tables, together. Reads none. */
export async function estimatedRows(
  place: CopyPlace,
  tables: readonly CopiedTable[],
  tenantId: string,
): Promise<number> {
  let estimated = 0;
  for (const table of tables) {
    const { rows } = await place.client.query<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>(
      `EXPLAIN (FORMAT JSON) SELECT FROM ${rowsOf(place, table)} WHERE tenant_id = ${pg.escapeLiteral(tenantId)}::uuid`,
    );
    estimated += rows[0]?.['QUERY PLAN'][0].Plan['Plan Rows'] ?? 0;
  }
  return estimated;
}
