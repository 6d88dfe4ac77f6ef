import pg from 'pg';
import type { ChangedTable } from './changed-rows.js';
import { columnList, type CopyPlace, qualified, rowsOf } from './copy-place.js';
import { keyMatch, referenceMatch } from './matches.js';

/** How often rows whose values are taken are tried again, one by one. */
const MAX_ROUNDS = 50;

/** Statements that make the tenant's rows at the destination what they are in the temporary tables. */
export class ChangedRowStatements {
  private readonly isTenants: string;

  constructor(
    private readonly to: CopyPlace,
    tenantId: string,
  ) {
    this.isTenants = `t.tenant_id = ${pg.escapeLiteral(tenantId)}::uuid`;
  }

  /**
   * Deletes rows that are gone at the source and that no row refers to here. One that is referred to would take rows along
   * (`ON DELETE CASCADE`, `SET NULL`) that refer to other rows at the source by now.
   */
  deleteUnreferenced({ table, gone }: ChangedTable): string {
    const unreferenced = table.references.map(
      (reference) =>
        `AND NOT EXISTS (SELECT FROM ${reference.relation} c WHERE ${referenceMatch(reference, 't', 'c')})`,
    );
    return `DELETE FROM ${rowsOf(this.to, table)} t USING ${gone} g
      WHERE ${keyMatch(table, 't', 'g')} AND ${this.isTenants} ${unreferenced.join(' ')}`;
  }

  /**
   * Deletes changed rows of all tables, or those that are gone at the source, in one statement. Foreign keys are checked at
   * its end, so that the order of the tables does not matter, nor do cycles.
   */
  deleteAll(changed: readonly ChangedTable[], which: 'keys' | 'gone'): string {
    const deletes = changed.map(
      ({ table, [which]: keys }, n) =>
        `d${n} AS (DELETE FROM ${rowsOf(this.to, table)} t USING ${keys} k
           WHERE ${keyMatch(table, 't', 'k')} AND ${this.isTenants})`,
    );
    return `WITH ${deletes.join(', ')} SELECT`;
  }

  /** Inserts and updates rows of all tables in one statement, for the same reason. */
  upsertAll(changed: readonly ChangedTable[]): string {
    return `WITH ${changed.map((one, n) => `u${n} AS (${this.upsert(one)})`).join(', ')} SELECT`;
  }

  /**
   * Upserts rows one by one, again and again: where a value moved from one row to another, the former may have to come first.
   * Leaves rows that are refused all the same.
   */
  upsertEach(changed: ChangedTable): string {
    const body = `#variable_conflict use_column
      DECLARE
        tenantry_pending tid[] := ARRAY(SELECT ctid FROM ${changed.rows});
        tenantry_refused tid[];
        tenantry_row tid;
      BEGIN
        FOR tenantry_round IN 1..${MAX_ROUNDS} LOOP
          tenantry_refused := '{}';
          FOREACH tenantry_row IN ARRAY tenantry_pending LOOP
            BEGIN
              ${this.upsert(changed, 'WHERE ctid = tenantry_row')};
            EXCEPTION WHEN unique_violation OR exclusion_violation OR foreign_key_violation THEN
              tenantry_refused := tenantry_refused || tenantry_row;
            END;
          END LOOP;
          EXIT WHEN cardinality(tenantry_refused) IN (0, cardinality(tenantry_pending));
          tenantry_pending := tenantry_refused;
        END LOOP;
      END`;
    return `DO ${pg.escapeLiteral(body)}`;
  }

  /** Another tenant's row with the same key is left alone; the comparison finds that. */
  private upsert({ table, rows }: ChangedTable, where = ''): string {
    const columns = columnList(table.columns);
    const others = table.columns.filter((column) => !table.key.includes(column));
    const assignments = others.map((column) => pg.escapeIdentifier(column)).map((name) => `${name} = excluded.${name}`);
    const action = others.length === 0 ? 'NOTHING' : `UPDATE SET ${assignments.join(', ')} WHERE ${this.isTenants}`;
    return `INSERT INTO ${qualified(this.to, table.name)} AS t (${columns}) OVERRIDING SYSTEM VALUE
      SELECT ${columns} FROM ${rows} ${where} ON CONFLICT (${columnList(table.key)}) DO ${action}`;
  }
}
