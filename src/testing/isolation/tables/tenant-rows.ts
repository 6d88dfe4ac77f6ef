import pg from 'pg';
import type { Tenant } from '../../../catalog/model/tenant.js';
import type { ActualColumn } from '../../../database/table-migrations/comparison/actual-tables.js';
import type { RowFactory } from '../isolation-options.js';
import type { TestedTenant } from '../tested-tenant.js';
import { CANARY, candidateValues, isShort, literalsOf, newCanary } from './candidate-values.js';
import type { TableFacts } from './table-facts.js';

export type Values = Readonly<Record<string, unknown>>;

/** A row that the check has inserted for one tenant. */
export interface TenantRow {
  readonly tenant: Pick<Tenant, 'id' | 'slug'>;
  readonly table: TableFacts;
  /** Whether the other tenant has a row with the same key, or, without `tenant_id`, that refers to such a row. */
  readonly isShared: boolean;
  /** As PostgreSQL has stored them, in JSON. */
  readonly values: Values;
}

/** Raised for a row that PostgreSQL did not accept. */
class RowRefusedError extends Error {
  constructor(
    readonly table: string,
    cause: unknown,
  ) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

/** Inserts the rows of one tenant: in each table one whose key other tenants have as well, and one that it has alone. */
export class RowMaker {
  private readonly keys = new Map<string, unknown>();

  constructor(private readonly factories: ReadonlyMap<string, RowFactory>) {}

  /** @throws RowRefusedError */
  async insertRow(
    client: pg.ClientBase,
    { tenant, schema }: TestedTenant,
    table: TableFacts,
    index: 0 | 1,
    earlier: readonly TenantRow[],
  ): Promise<TenantRow> {
    const isShared = index === 0;
    const canary = newCanary();
    try {
      const made: Record<string, unknown> = {};
      for (const column of table.columns) {
        const value = await this.valueOf(client, schema, table, column, isShared);
        if (value !== undefined) made[column.name] = value;
      }
      Object.assign(made, referencesOf(table, isShared, earlier));
      Object.assign(made, this.factories.get(table.table)?.({ tenant, index, canary }));
      if (table.hasTenant) made['tenant_id'] = tenant.id;
      return { tenant, table, isShared, values: await insert(client, schema, table, made) };
    } catch (error) {
      throw new RowRefusedError(table.table, error);
    }
  }

  /** Undefined where PostgreSQL has a default. Keys of shared rows are remembered for the other tenant. */
  private async valueOf(
    client: pg.ClientBase,
    schema: string,
    table: TableFacts,
    column: ActualColumn,
    isShared: boolean,
  ): Promise<unknown> {
    const isKey = table.primaryKey.includes(column.name);
    if (!isKey && column.hasDefault) return undefined;
    const place = `${table.table}.${column.name}`;
    const isSharedKey = isShared && table.hasTenant && table.keys.some((key) => key.includes(column.name));
    if (isSharedKey && this.keys.has(place)) return this.keys.get(place);
    const value = await acceptable(client, schema, table, column);
    if (isSharedKey) this.keys.set(place, value);
    return value;
  }
}

/** The first candidate that the column's own conditions accept, and that no row has where the column is a key and short. */
async function acceptable(
  client: pg.ClientBase,
  schema: string,
  table: TableFacts,
  column: ActualColumn,
): Promise<unknown> {
  const checks = table.checks.filter((check) => check.column === column.name);
  const candidates = candidateValues(column, newCanary());
  const isScarce = isShort(column) && table.keys.some((key) => key.length === 1 && key[0] === column.name);
  if ((checks.length === 0 && !isScarce) || column.isArray) return candidates[0];
  const all = [...candidates, ...checks.flatMap(({ condition }) => literalsOf(condition))].map(String);
  const name = pg.escapeIdentifier(column.name);
  const conditions = [
    ...checks.map(({ condition }) => `(${condition})`),
    ...(isScarce
      ? [`NOT EXISTS (SELECT FROM ${qualified(schema, table.table)} other WHERE other.${name} = t.${name})`]
      : []),
  ];
  const type = column.isEnum ? 'text' : column.type === 'character' ? 'bpchar' : column.type; // `character` is of one
  for (const candidate of all) {
    const text = `SELECT true FROM (SELECT $1::text::${type} AS ${name}) t WHERE ${conditions.join(' AND ')}`;
    const { rows } = await client.query(text, [candidate]).catch(() => ({ rows: [] }));
    if (rows.length > 0) return candidate;
  }
  return candidates[0];
}

/** The row of the same kind in each table that this one refers to; a circle is left open. */
function referencesOf(table: TableFacts, isShared: boolean, earlier: readonly TenantRow[]): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const key of table.foreignKeys) {
    const parent = earlier.find((row) => row.table.table === key.table && row.isShared === isShared);
    key.columns.forEach((column, position) => {
      const reference = key.references[position] ?? '';
      if (parent) values[column] = parent.values[reference];
      else if (!table.primaryKey.includes(column)) values[column] = null;
    });
  }
  return values;
}

async function insert(client: pg.ClientBase, schema: string, { table }: TableFacts, made: Values): Promise<Values> {
  const columns = Object.keys(made);
  const names = columns.map((name) => pg.escapeIdentifier(name)).join(', ');
  const places = columns.map((_, position) => `$${position + 1}`).join(', ');
  const text = `INSERT INTO ${qualified(schema, table)} AS t (${names}) OVERRIDING SYSTEM VALUE VALUES (${places})
    RETURNING to_jsonb(t) AS values`;
  const { rows } = await client.query<{ values: Values }>(text, Object.values(made));
  return rows[0]?.values ?? made;
}

/** `"schema"."table"` */
export function qualified(schema: string, table: string): string {
  return `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`;
}

/** What betrays a row: its canaries, its long numbers, and the ids that no other tenant has. */
export function secretsOf({ values, isShared, table }: TenantRow): readonly string[] {
  const keys = new Set(table.keys.flat());
  return Object.entries(values).flatMap(([column, value]) => {
    if (column === 'tenant_id') return [];
    if (isShared && table.hasTenant && keys.has(column)) return [];
    if (table.foreignKeys.some(({ columns }) => columns.includes(column))) return [];
    const text = typeof value === 'string' ? value : JSON.stringify(value);
    const found = CANARY.exec(text)?.[0];
    if (found !== undefined) return [found];
    const isTelling = /^\d{9,}$/.test(text) || UUID.test(text);
    return isTelling ? [text] : [];
  });
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
