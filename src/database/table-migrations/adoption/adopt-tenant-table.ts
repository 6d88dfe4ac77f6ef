import type { QueryRunner } from 'typeorm';
import { TENANT_POLICIES } from '../../isolation/tenant-policies.js';
import { createTenantTable, type TenantTable } from '../tenant-table.js';
import { TableNotAdoptedError } from './adoption.errors.js';

/**
 * Where the tenant of an existing row comes from: the column with the tenant's key, the columns of a foreign key to a table that
 * has one, or the place, when a tenant has the schema or the database to itself.
 */
export type AdoptedFrom = { readonly column: string } | { readonly foreignKey: readonly string[] } | 'place';

/** A table of an existing application: as `TenantTable`, without `tenant_id`, and where its rows' tenants come from. */
export interface AdoptedTable extends TenantTable {
  readonly from: AdoptedFrom;
}

interface FoundTable {
  readonly columns: readonly string[];
  readonly isTenantNotNull: boolean;
  readonly hasRowSecurity: boolean;
  readonly policies: readonly string[];
  /** Of unique indexes that begin with the tenant, without it. */
  readonly keys: readonly (readonly string[])[];
}

const FOUND = `
  SELECT ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS columns,
    EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attname = 'tenant_id' AND a.atttypid = 'uuid'::regtype
      AND a.attnotnull AND NOT a.attisdropped) AS "isTenantNotNull",
    c.relrowsecurity AS "hasRowSecurity", ARRAY(SELECT p.polname::text FROM pg_policy p WHERE p.polrelid = c.oid) AS policies,
    (SELECT coalesce(jsonb_agg(k.columns - 0), '[]') FROM pg_index i, LATERAL (
        SELECT jsonb_agg(a.attname ORDER BY n) AS columns FROM unnest(i.indkey::int2[]) WITH ORDINALITY u(attnum, n)
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.attnum WHERE n <= i.indnkeyatts) k
     WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
       AND k.columns ->> 0 = 'tenant_id') AS keys
  FROM pg_class c WHERE c.relnamespace = to_regnamespace(quote_ident(current_schema()))::oid AND c.relname = $1 AND c.relkind IN ('r', 'p')`;

/**
 * Gives a table of an existing application its place among the migrations. Where the table exists, `tenantry adopt run` has
 * adopted it, and this checks that; where it does not, in the schema or database of a new tenant, it is created as
 * `createTenantTable` does.
 *
 * @returns `created` or `adopted`, for statements that only a new table needs
 * @throws TableNotAdoptedError for a table that exists and is not adopted, IdentifierTooLongError
 */
export async function adoptTenantTable(
  runner: QueryRunner,
  name: string,
  { from, ...table }: AdoptedTable,
): Promise<'created' | 'adopted'> {
  const [found] = (await runner.query(FOUND, [name])) as FoundTable[];
  if (!found) {
    await createTenantTable(runner, name, table);
    return 'created';
  }
  const reason = reasonAgainst(found, table, from);
  if (reason !== undefined) throw new TableNotAdoptedError(name, reason);
  return 'adopted';
}

function reasonAgainst(found: FoundTable, table: TenantTable, from: AdoptedFrom): string | undefined {
  if (!found.columns.includes('tenant_id')) return 'has no tenant_id';
  if (!found.isTenantNotNull) return 'has rows whose tenant_id is not filled yet, or a tenant_id of another type';
  if (!found.hasRowSecurity) return 'has no row-level security';
  const policy = TENANT_POLICIES.find(({ name }) => !found.policies.includes(name));
  if (policy) return `lacks the policy ${policy.name}`;
  const primaryKey = table.primaryKey ?? ['id'];
  if (!found.keys.some((key) => key.join() === primaryKey.join())) {
    return `has no unique key (tenant_id, ${primaryKey.join(', ')})`;
  }
  const origin = from === 'place' ? [] : 'column' in from ? [from.column] : from.foreignKey;
  const missing = [...Object.keys(table.columns), ...origin].find((column) => !found.columns.includes(column));
  return missing === undefined ? undefined : `lacks the column ${missing}, which the migration describes`;
}
