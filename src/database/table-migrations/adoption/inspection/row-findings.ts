import type pg from 'pg';
import { escapeIdentifier } from 'pg';
import { type AdoptionFinding, refused } from './adoption-finding.js';
import type { InspectedTable } from './inspected-tables.js';
import { qualified, type TenantOrigin } from './tenant-keys.js';

const MAX_NAMED_KEYS = 5;

/** A schema's tables with the origin of their tenants. */
export interface OriginatedTables {
  readonly schema: string;
  readonly tables: readonly InspectedTable[];
  readonly origins: ReadonlyMap<string, TenantOrigin>;
}

/**
 * What the rows say: rows without a tenant, rows of a tenant that is not registered, and foreign keys that lead to another
 * tenant's row. Reads each table with a tenant column once, and each foreign key once.
 *
 * @param keys of all tenants, as texts
 */
export async function rowFindings(
  client: pg.ClientBase,
  adopted: OriginatedTables,
  keys: readonly string[],
): Promise<AdoptionFinding[]> {
  const findings: AdoptionFinding[] = [];
  for (const [table, origin] of adopted.origins) {
    if ('column' in origin)
      findings.push(...(await tenantlessRows(client, adopted.schema, table, origin.column, keys)));
    if ('foreignKey' in origin)
      findings.push(...(await parentlessRows(client, adopted.schema, table, origin.foreignKey)));
  }
  for (const crossing of crossTenantQueries(adopted)) {
    const { rows } = await client.query<{ n: string }>(crossing.sql);
    const count = Number(rows[0]?.n ?? 0);
    if (count === 0) continue;
    const what = `${count} rows refer by ${crossing.key} to a row of another tenant in ${crossing.parent}`;
    findings.push(refused(crossing.table, what, `Correct them: ${crossing.example}`));
  }
  return findings;
}

async function tenantlessRows(
  client: pg.ClientBase,
  schema: string,
  table: string,
  column: string,
  keys: readonly string[],
): Promise<AdoptionFinding[]> {
  const name = escapeIdentifier(column);
  const { rows } = await client.query<{ key: string | null; n: string }>(
    `SELECT key, n FROM (SELECT ${name}::text AS key, count(*) AS n FROM ${qualified(schema, table)} GROUP BY ${name}) g
     WHERE key IS NULL OR NOT EXISTS (SELECT FROM unnest($1::text[]) known WHERE known = key)
     ORDER BY n DESC`,
    [keys],
  );
  const nulls = rows.find(({ key }) => key === null);
  const unknown = rows.filter(({ key }) => key !== null);
  const count = unknown.reduce((sum, { n }) => sum + Number(n), 0);
  const named = unknown.slice(0, MAX_NAMED_KEYS).map(({ key }) => key);
  return [
    ...(nulls
      ? [
          refused(
            table,
            `${nulls.n} rows have no tenant: ${column} is null`,
            `Give them one, or delete them: SELECT * FROM ${table} WHERE ${column} IS NULL`,
          ),
        ]
      : []),
    ...(count > 0
      ? [
          refused(
            table,
            `${count} rows are of tenants that the list of tenants lacks: ${column} is ${named.join(', ')}${unknown.length > named.length ? ', …' : ''}`,
            'Delete them, or let --tenants return these tenants, too.',
          ),
        ]
      : []),
  ];
}

async function parentlessRows(
  client: pg.ClientBase,
  schema: string,
  table: string,
  columns: readonly string[],
): Promise<AdoptionFinding[]> {
  const missing = columns.map((column) => `${escapeIdentifier(column)} IS NULL`).join(' OR ');
  const { rows } = await client.query<{ n: string }>(
    `SELECT count(*) AS n FROM ${qualified(schema, table)} WHERE ${missing}`,
  );
  const count = Number(rows[0]?.n ?? 0);
  if (count === 0) return [];
  const what = `${count} rows have no tenant: ${columns.join(', ')} is null`;
  return [refused(table, what, `Give them one, or delete them: SELECT * FROM ${table} WHERE ${missing}`)];
}

interface CrossingQuery {
  readonly table: string;
  readonly parent: string;
  readonly key: string;
  readonly sql: string;
  readonly example: string;
}

function crossTenantQueries({ schema, tables, origins }: OriginatedTables): CrossingQuery[] {
  return tables.flatMap((table) => {
    const origin = origins.get(table.name);
    if (!origin || 'place' in origin) return [];
    return table.constraints.flatMap(({ kind, name, columns, references }) => {
      const parent = references && origins.get(references.table);
      if (kind !== 'f' || !parent || 'place' in parent) return [];
      const isOwnOrigin =
        'foreignKey' in origin && origin.foreignKey.join() === columns.join() && origin.parent === references.table;
      // The tenant column itself leads to the tenant's row.
      const isTenantKey =
        'column' in origin &&
        'column' in parent &&
        columns.join() === origin.column &&
        references.columns.join() === parent.column;
      if (isOwnOrigin || isTenantKey) return [];
      const child = keyOf(schema, table.name, 'c', origins);
      const target = keyOf(schema, references.table, 'p', origins);
      const on = columns.map(
        (column, n) => `p.${escapeIdentifier(references.columns[n] ?? '')} = c.${escapeIdentifier(column)}`,
      );
      const from = `FROM ${qualified(schema, table.name)} c JOIN ${qualified(schema, references.table)} p ON ${on.join(' AND ')}${child.joins}${target.joins}`;
      const where = `WHERE ${child.key}::text IS DISTINCT FROM ${target.key}::text`;
      return [
        {
          table: table.name,
          parent: references.table,
          key: name,
          sql: `SELECT count(*) AS n ${from} ${where}`,
          example: `SELECT c.* ${from} ${where}`,
        },
      ];
    });
  });
}

/** The expression of the tenant's key of a table's row, with the joins that it needs. */
function keyOf(
  schema: string,
  table: string,
  alias: string,
  origins: ReadonlyMap<string, TenantOrigin>,
): { readonly joins: string; readonly key: string } {
  const origin = origins.get(table);
  if (!origin || 'place' in origin) return { joins: '', key: 'NULL' };
  if ('column' in origin) return { joins: '', key: `${alias}.${escapeIdentifier(origin.column)}` };
  const next = `${alias}_`;
  const on = origin.foreignKey.map(
    (column, n) => `${next}.${escapeIdentifier(origin.references[n] ?? '')} = ${alias}.${escapeIdentifier(column)}`,
  );
  const above = keyOf(schema, origin.parent, next, origins);
  return {
    joins: ` JOIN ${qualified(schema, origin.parent)} ${next} ON ${on.join(' AND ')}${above.joins}`,
    key: above.key,
  };
}
