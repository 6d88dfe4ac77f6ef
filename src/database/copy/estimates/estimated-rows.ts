import pg from 'pg';
import { type CopyPlace, rowsOf } from '../copy-place.js';
import type { CopiedTable } from '../tables/copied-tables.js';

/** How many rows of a tenant the planner expects in tables, by their bare names. Reads none. */
export async function estimatedRows(
  place: CopyPlace,
  tables: readonly CopiedTable[],
  tenantId: string,
): Promise<Map<string, number>> {
  const estimated = new Map<string, number>();
  for (const table of tables) {
    const { rows } = await place.client.query<{ 'QUERY PLAN': [{ Plan: { 'Plan Rows': number } }] }>(
      `EXPLAIN (FORMAT JSON) SELECT FROM ${rowsOf(place, table)} WHERE tenant_id = ${pg.escapeLiteral(tenantId)}::uuid`,
    );
    estimated.set(table.name, rows[0]?.['QUERY PLAN'][0].Plan['Plan Rows'] ?? 0);
  }
  return estimated;
}

export function totalOf(estimated: ReadonlyMap<string, number>): number {
  return [...estimated.values()].reduce((total, rows) => total + rows, 0);
}
