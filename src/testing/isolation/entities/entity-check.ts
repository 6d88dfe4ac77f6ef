import pg from 'pg';
import type { DataSource, EntityMetadata } from 'typeorm';
import type { Finding } from '../finding.js';
import type { TestedTenant } from '../tested-tenant.js';
import { qualified, secretsOf, type TenantRow, type Values } from '../tables/tenant-rows.js';
import type { TestedRows } from '../tables/tested-rows.js';

/** One attempt of a tenant to reach another one's rows. */
interface Attempt {
  readonly name: string;
  /** Whether rows come back: then they are searched for the other tenant's. Otherwise none must be affected. */
  readonly kind: 'read' | 'write';
  readonly run: (probe: Probe) => Promise<unknown>;
}

/** What an attempt works with: a tenant's data source, and a row that the other tenant has alone. */
interface Probe {
  readonly dataSource: DataSource;
  readonly entity: EntityMetadata;
  readonly row: TenantRow;
  readonly own: TenantRow | undefined;
  readonly other: TestedTenant;
}

const READS: readonly Attempt[] = [
  { name: 'reading', kind: 'read', run: ({ dataSource, entity }) => select(dataSource, entity).getRawMany() },
  {
    name: 'reading by id',
    kind: 'read',
    run: ({ dataSource, entity, row }) => whereKey(select(dataSource, entity), row).getRawMany(),
  },
  {
    name: 'a relation',
    kind: 'read',
    run: async ({ dataSource, entity }) => {
      const query = select(dataSource, entity);
      for (const { propertyPath } of entity.relations)
        query.leftJoinAndSelect(`e.${propertyPath}`, `related_${propertyPath.replaceAll('.', '_')}`);
      return query.getRawMany();
    },
  },
  {
    name: 'raw SQL',
    kind: 'read',
    run: ({ dataSource, row, other }) => dataSource.query(`SELECT * FROM ${qualified(other.schema, row.table.table)}`),
  },
  { name: 'a stream', kind: 'read', run: readStream },
];

const WRITES: readonly Attempt[] = [
  {
    name: 'an update',
    kind: 'write',
    run: ({ dataSource, row, other }) => {
      const [column] = Object.keys(keyOf(row));
      if (column === undefined) return Promise.resolve([]);
      const name = pg.escapeIdentifier(column);
      return change(dataSource, `UPDATE ${qualified(other.schema, row.table.table)} t SET ${name} = ${name}`, row);
    },
  },
  {
    name: 'a deletion',
    kind: 'write',
    run: ({ dataSource, row, other }) =>
      change(dataSource, `DELETE FROM ${qualified(other.schema, row.table.table)} t`, row),
  },
  {
    name: "an insert with another tenant's tenant_id",
    kind: 'write',
    run: async ({ dataSource, row, own, other }) =>
      row.table.hasTenant && own
        ? insertAs(dataSource, row, { ...own.values, ...referencesIn(row), tenant_id: other.tenant.id })
        : [],
  },
  {
    name: "an update that refers to another tenant's row",
    kind: 'write',
    run: async ({ dataSource, row, own }) => {
      const references = Object.entries(referencesIn(row)).filter(([, value]) => value !== null);
      if (!own || references.length === 0 || !row.table.hasTenant) return [];
      const record = pg.escapeIdentifier(row.table.table);
      const set = references.map(
        ([name, value]) => `${pg.escapeIdentifier(name)} = ${pg.escapeLiteral(String(value))}`,
      );
      return change(dataSource, `UPDATE ${record} t SET ${set.join(', ')}`, own);
    },
  },
  {
    name: 'an upsert',
    kind: 'write',
    run: async ({ dataSource, row, own }) => {
      const key = row.table.primaryKey.map((name) => pg.escapeIdentifier(name));
      if (!own || key.length === 0) return [];
      const set = key.map((name) => `${name} = EXCLUDED.${name}`).join(', ');
      const values = { ...own.values, ...keyOf(row) };
      return insertAs(dataSource, row, values, `ON CONFLICT (${key.join(', ')}) DO UPDATE SET ${set}`, 'xmax <> 0');
    },
  },
];

/** Tries, in the context of one tenant, to read and change each entity's rows of the other one. */
export async function checkEntities(
  dataSource: DataSource,
  rows: TestedRows,
  self: TestedTenant,
  other: TestedTenant,
): Promise<Finding[]> {
  const secrets = rows.of(other).flatMap(secretsOf);
  const findings: Finding[] = [];
  for (const entity of dataSource.entityMetadatas) {
    const ofTable = (tenant: TestedTenant): TenantRow | undefined =>
      rows.of(tenant).find((each) => each.table.table === entity.tableName && !each.isShared);
    const row = ofTable(other);
    if (!row) continue;
    const probe: Probe = { dataSource, entity, row, own: ofTable(self), other };
    for (const attempt of [...READS, ...WRITES]) {
      const finding = await tryAttempt(attempt, probe, secrets);
      if (finding) findings.push(finding);
    }
  }
  return findings;
}

async function tryAttempt(attempt: Attempt, probe: Probe, secrets: readonly string[]): Promise<Finding | undefined> {
  const where = `entity ${probe.entity.name}`;
  try {
    const result = JSON.stringify((await attempt.run(probe)) ?? []);
    if (attempt.kind === 'write') {
      return result === '[]'
        ? undefined
        : { code: 'ENTITY_CHANGES_OTHER_TENANT', where, message: `${attempt.name} reaches another tenant's row` };
    }
    return secrets.some((secret) => result.includes(secret))
      ? { code: 'ENTITY_READS_OTHER_TENANT', where, message: `${attempt.name} returns another tenant's rows` }
      : undefined;
  } catch (error) {
    // A write that is refused is what isolation is for.
    if (attempt.kind === 'write') return undefined;
    return { code: 'CHECK_FAILED', where, message: `${attempt.name} failed: ${(error as Error).message}` };
  }
}

function select(dataSource: DataSource, entity: EntityMetadata) {
  return dataSource.createQueryBuilder().select('e').from(entity.target, 'e');
}

function whereKey<Q extends ReturnType<typeof select>>(query: Q, row: TenantRow): Q {
  for (const [column, value] of Object.entries(keyOf(row)))
    query.andWhere(`e.${pg.escapeIdentifier(column)} = :${column}`, { [column]: value });
  return query;
}

async function readStream({ dataSource, entity }: Probe): Promise<unknown> {
  const found: unknown[] = [];
  for await (const row of await select(dataSource, entity).stream()) found.push(row);
  return found;
}

function keyOf({ table, values }: TenantRow): Values {
  return Object.fromEntries(table.primaryKey.map((name) => [name, values[name]]));
}

/** The rows that a statement affects; undone in any case. */
async function change(dataSource: DataSource, statement: string, row: TenantRow): Promise<unknown> {
  const conditions = row.table.primaryKey.map((name, n) => `t.${pg.escapeIdentifier(name)} = $${n + 1}`);
  if (conditions.length === 0) return [];
  const text = `${statement} WHERE ${conditions.join(' AND ')} RETURNING true AS reached`;
  return undone(dataSource, text, Object.values(keyOf(row)));
}

/** The rows of an insert for which `isReached` holds; undone in any case. */
function insertAs(
  dataSource: DataSource,
  { table }: TenantRow,
  values: Values,
  conflict = '',
  isReached = 'true',
): Promise<unknown> {
  const names = Object.keys(values).filter(
    (name) => name === 'tenant_id' || table.columns.some((column) => column.name === name),
  );
  const columns = names.map((name) => pg.escapeIdentifier(name)).join(', ');
  const record = pg.escapeIdentifier(table.table);
  const text = `INSERT INTO ${record} (${columns}) SELECT ${columns} FROM jsonb_populate_record(NULL::${record}, $1::jsonb)
    ${conflict} RETURNING ${isReached} AS reached`;
  return undone(dataSource, text, [JSON.stringify(values)]);
}

function referencesIn({ table, values }: TenantRow): Values {
  const names = table.foreignKeys.flatMap(({ columns, isSupposed = false, isToReference = false }) =>
    isSupposed || isToReference ? [] : columns,
  );
  return Object.fromEntries(names.map((name) => [name, values[name]]));
}

class Undo extends Error {
  constructor(readonly result: unknown) {
    super('undone');
  }
}

async function undone(dataSource: DataSource, text: string, values: unknown[]): Promise<unknown> {
  try {
    return await dataSource.transaction(async (manager): Promise<never> => {
      throw new Undo(rowsOf(await manager.query(text, values)));
    });
  } catch (error) {
    if (error instanceof Undo) return error.result;
    throw error;
  }
}

/** TypeORM returns `[rows, count]` for UPDATE and DELETE. */
function rowsOf(result: unknown): unknown[] {
  const rows = (Array.isArray(result) && Array.isArray(result[0]) ? result[0] : result) as { reached: boolean }[];
  return rows.filter(({ reached }) => reached);
}
