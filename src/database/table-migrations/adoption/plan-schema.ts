import type pg from 'pg';
import { recordedMigrations } from '../versions/recorded-migrations.js';
import { type AdoptionFinding, refused } from './inspection/adoption-finding.js';
import { adoptionSteps } from './adoption-steps.js';
import type { AdoptionStep } from './adoption-step.js';
import type { AdoptedPlace } from './column-steps.js';
import { inspectExtras, inspectTables, type InspectedTable } from './inspection/inspected-tables.js';
import { rowFindings } from './inspection/row-findings.js';
import { schemaFindings, tableFindings } from './inspection/structural-findings.js';
import type { TenantOrigin } from './inspection/tenant-keys.js';
import { missingColumns, type OriginOptions, tenantOrigins } from './inspection/tenant-origins.js';
import { MIGRATIONS_TABLE } from '../versions/recorded-migrations.js';

/** An existing schema as it would be adopted. */
export interface SchemaPlan {
  readonly schema: string;
  readonly tables: readonly InspectedTable[];
  /** Of the tables that are adopted, in the order in which they are. */
  readonly origins: ReadonlyMap<string, TenantOrigin>;
  readonly findings: readonly AdoptionFinding[];
}

export interface PlanOptions extends OriginOptions {
  /** The tenants' keys as texts, where rows have them. The rows are not read without. */
  readonly tenantKeys?: readonly string[];
}

/**
 * Reads a schema and finds out what adopting it takes. Changes nothing.
 *
 * @param client connected as the owner, not in a transaction; its `search_path` is changed
 */
export async function planSchema(client: pg.ClientBase, schema: string, options: PlanOptions): Promise<SchemaPlan> {
  const extras = await inspectExtras(client, schema);
  if (!extras) {
    const missing = refused(undefined, `there is no schema ${schema} in the database`, 'Name the one with the tables.');
    return { schema, tables: [], origins: new Map(), findings: [missing] };
  }
  const isMigrated = await hasMigrationsRecord(client, schema);
  const all = await inspectTables(client, schema);
  const leftOut = isMigrated ? [...options.leftOut, MIGRATIONS_TABLE] : options.leftOut;
  const tables = all.filter(({ name }) => !(isMigrated && name === MIGRATIONS_TABLE));
  const { origins, findings } = tenantOrigins(tables, { ...options, leftOut });
  const { rows } = await client.query<{ owner: string }>('SELECT current_user AS owner');
  const structural = tables.flatMap((table) => {
    const origin = origins.get(table.name);
    return origin ? tableFindings(table, origin, rows[0]?.owner ?? '') : [];
  });
  const nothing =
    origins.size === 0
      ? [refused(undefined, 'no table has a tenant', 'Name the tenant column with --tenant-column.')]
      : [];
  const ofRows =
    options.tenantKeys && origins.size > 0
      ? await rowFindings(client, { schema, tables, origins }, options.tenantKeys)
      : [];
  return {
    schema,
    tables,
    origins,
    findings: [
      ...missingColumns(tables, options),
      ...schemaFindings(all, extras, isMigrated),
      ...nothing,
      ...structural,
      ...ofRows,
      ...findings,
    ],
  };
}

/** All steps of the plan, in order. */
export function stepsOf({ tables, origins }: SchemaPlan, place: AdoptedPlace): AdoptionStep[] {
  return adoptionSteps(tables, origins, place);
}

/** Whether the schema's `schema_migrations` is the record that migrations of tenant tables keep, and not another program's. */
async function hasMigrationsRecord(client: pg.ClientBase, schema: string): Promise<boolean> {
  const { rows } = await client.query<{ present: boolean }>(
    `SELECT count(*) = 3 AS present FROM pg_attribute
     WHERE attrelid = to_regclass(format('%I.${MIGRATIONS_TABLE}', $1::text)) AND attname IN ('id', 'timestamp', 'name') AND NOT attisdropped`,
    [schema],
  );
  return rows[0]?.present === true && (await recordedMigrations(client, schema)) !== undefined;
}
