import pg from 'pg';
import type { AdminConnections } from '../../../database/admin-connections/admin-connections.js';
import type { RowFactory } from '../isolation-options.js';
import type { TestedTenant } from '../tested-tenant.js';
import { readTables, type TableFacts } from './table-facts.js';
import { qualified, RowMaker, type TenantRow } from './tenant-rows.js';

/** The rows of the tenants of a check: inserted, compared with what they were, and put back by the owner of the tables. */
export class TestedRows {
  readonly problems = new Map<string, string>();
  private readonly rows = new Map<TestedTenant, TenantRow[]>();

  private constructor(
    private readonly connections: AdminConnections,
    readonly tables: readonly TableFacts[],
  ) {}

  /** @param isLeftOut tables that get no rows */
  static async fill(
    connections: AdminConnections,
    tenants: readonly TestedTenant[],
    factories: ReadonlyMap<string, RowFactory>,
    isLeftOut: (table: TableFacts) => boolean,
  ): Promise<TestedRows> {
    const [first] = tenants;
    if (!first) throw new Error('there is no tenant to fill');
    const tables = await connections.use(first.owner, (client) => readTables(client, first.schema, first.target.role));
    const tested = new TestedRows(connections, tables);
    const maker = new RowMaker(factories);
    for (const tenant of tenants) await tested.insert(tenant, maker, isLeftOut);
    return tested;
  }

  of(tenant: TestedTenant): readonly TenantRow[] {
    return this.rows.get(tenant) ?? [];
  }

  /** Names of the tables in which the tenant's rows are no longer what was inserted. */
  changed(tenant: TestedTenant): Promise<readonly string[]> {
    return this.connections.use(tenant.owner, async (client) => {
      const names: string[] = [];
      for (const table of this.tables) {
        const rows = this.of(tenant).filter((row) => row.table === table);
        if (rows.length > 0 && (await isChanged(client, tenant, table, rows))) names.push(table.table);
      }
      return names;
    });
  }

  /** Puts the tenants' rows back as they were inserted, and removes those that were added. */
  restore(tenants: readonly TestedTenant[]): Promise<void> {
    return this.each(tenants, async (client, tenant) => {
      const rows = this.of(tenant);
      for (const table of this.tables.toReversed()) {
        const own = rows.filter((row) => row.table === table);
        if (own.length > 0) await deleteRows(client, tenant, table, own);
      }
      for (const row of rows) await insertAgain(client, tenant, row);
    });
  }

  private async each(
    tenants: readonly TestedTenant[],
    work: (client: pg.ClientBase, tenant: TestedTenant) => Promise<void>,
  ): Promise<void> {
    for (const tenant of tenants) await this.connections.use(tenant.owner, (client) => work(client, tenant));
  }

  private async insert(
    tenant: TestedTenant,
    maker: RowMaker,
    isLeftOut: (table: TableFacts) => boolean,
  ): Promise<void> {
    const inserted: TenantRow[] = [];
    this.rows.set(tenant, inserted);
    await this.connections.use(tenant.owner, async (client) => {
      const references = await referenceRows(client, tenant, this.tables);
      for (const table of this.tables.filter((each) => !isLeftOut(each))) {
        for (const index of [0, 1] as const) {
          try {
            inserted.push(await maker.insertRow(client, tenant, table, index, [...references, ...inserted]));
          } catch (error) {
            // A key without tenant_id, which has a finding of its own, admits the shared row once only.
            const isCollision = index === 0 && (error as { cause?: { code?: string } }).cause?.code === '23505';
            if (!isCollision) this.problems.set(table.table, (error as Error).message);
          }
        }
      }
    });
  }
}

/** A row of each reference table, for keys that lead to it. They are no tenant's, so that none is made. */
async function referenceRows(
  client: pg.ClientBase,
  { tenant, schema }: TestedTenant,
  tables: readonly TableFacts[],
): Promise<TenantRow[]> {
  const found: TenantRow[] = [];
  for (const table of tables.filter(({ isReference }) => isReference)) {
    const text = `SELECT to_jsonb(t) AS values FROM ${rowsOf(schema, table)} t LIMIT 1`;
    const { rows } = await client.query<Pick<TenantRow, 'values'>>(text);
    for (const { values } of rows)
      for (const isShared of [true, false]) found.push({ tenant, table, isShared, values });
  }
  return found;
}

async function isChanged(
  client: pg.ClientBase,
  { schema, tenant }: TestedTenant,
  table: TableFacts,
  rows: readonly TenantRow[],
): Promise<boolean> {
  const [condition, values] = table.hasTenant ? ['t.tenant_id = $1', [tenant.id]] : matching(rows);
  const text = `SELECT to_jsonb(t) AS values FROM ${rowsOf(schema, table)} t WHERE ${condition}`;
  const found = await client.query<{ values: unknown }>(text, values);
  const sorted = (list: readonly { readonly values: unknown }[]): string =>
    list
      .map((row) => JSON.stringify(row.values))
      .toSorted()
      .join('\n');
  return sorted(found.rows) !== sorted(rows);
}

async function deleteRows(
  client: pg.ClientBase,
  { schema, tenant }: TestedTenant,
  table: TableFacts,
  rows: readonly TenantRow[],
): Promise<void> {
  const [condition, values] = table.hasTenant ? ['t.tenant_id = $1', [tenant.id]] : matching(rows);
  await client.query(`DELETE FROM ${rowsOf(schema, table)} t WHERE ${condition}`, values);
}

/** Without those of tables that inherit from it. */
function rowsOf(schema: string, { table, isPartitioned }: TableFacts): string {
  return `${isPartitioned ? '' : 'ONLY '}${qualified(schema, table)}`;
}

/** The rows by their key; without one, by all that they hold. */
function matching(rows: readonly TenantRow[]): [condition: string, values: unknown[]] {
  const key = rows[0]?.table.primaryKey ?? [];
  const object = `jsonb_build_object(${key.map((name) => `${pg.escapeLiteral(name)}, t.${pg.escapeIdentifier(name)}`).join(', ')})`;
  const keyOf = ({ values }: TenantRow): unknown =>
    key.length === 0 ? values : Object.fromEntries(key.map((name) => [name, values[name]]));
  return [
    `${key.length === 0 ? 'to_jsonb(t)' : object} = ANY ($1::jsonb[])`,
    [rows.map((row) => JSON.stringify(keyOf(row)))],
  ];
}

async function insertAgain(client: pg.ClientBase, { schema }: TestedTenant, row: TenantRow): Promise<void> {
  const table = qualified(schema, row.table.table);
  const names = [...row.table.columns.map(({ name }) => name), ...(row.table.hasTenant ? ['tenant_id'] : [])];
  const columns = names.map((name) => pg.escapeIdentifier(name)).join(', ');
  const text = `INSERT INTO ${table} (${columns}) OVERRIDING SYSTEM VALUE
    SELECT ${columns} FROM jsonb_populate_record(NULL::${table}, $1) ON CONFLICT DO NOTHING`;
  await client.query(text, [JSON.stringify(row.values)]);
}
