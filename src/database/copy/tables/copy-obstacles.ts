import pg from 'pg';
import { type CopiedTable, copiedTables } from './copied-tables.js';
import { type CopyPlace, isSamePlace, rowsOf } from '../copy-place.js';
import { type PlaceColumn, type PlaceTables, placeTables } from './place-tables.js';
import { userTriggers } from './user-triggers.js';

/** How many obstacles are named; a schema of another application would have one for each column. */
const MAX_NAMED = 20;

/**
 * Why a tenant's rows cannot be copied from one place to another, a sentence each, without values of rows; empty when nothing
 * is in the way. Changes nothing.
 *
 * @param asTenant the tenant whose rows the copies become, which may share the tables with the source
 */
export async function copyObstacles(
  from: CopyPlace,
  to: CopyPlace,
  tenantId: string,
  asTenant = tenantId,
): Promise<readonly string[]> {
  const isSame = await isSamePlace(from, to);
  if (isSame && (asTenant === tenantId || to.isAlone)) return ['the source and the destination are the same place'];
  const source = { ...(await placeTables(from)), copied: (await copiedTables(from.client, from.schema)).flat() };
  const destination = { ...(await placeTables(to)), copied: (await copiedTables(to.client, to.schema)).flat() };
  return named([
    ...differences(source, destination),
    ...obstaclesOf(source),
    ...destination.tablesWithRules.map((table) => `${quote(table)} has rules at the destination`),
    ...(await triggerObstacles(to)),
    ...(await outsideRows(from, source, tenantId)),
    ...(isSame ? await doubledValues(from, source.copied, tenantId) : []),
  ]);
}

/** The same for rows that are only read: what no copy has, whatever its destination is. */
export async function exportObstacles(from: CopyPlace, tenantId: string): Promise<readonly string[]> {
  const source = { ...(await placeTables(from)), copied: (await copiedTables(from.client, from.schema)).flat() };
  return named([...unreadable(source), ...(await outsideRows(from, source, tenantId))]);
}

/** The same for a destination that is not there yet: what the source alone shows. */
export async function sourceObstacles(from: CopyPlace, tenantId: string): Promise<readonly string[]> {
  const source = { ...(await placeTables(from)), copied: (await copiedTables(from.client, from.schema)).flat() };
  return named([...obstaclesOf(source), ...(await outsideRows(from, source, tenantId))]);
}

function named(obstacles: readonly string[]): readonly string[] {
  if (obstacles.length <= MAX_NAMED) return obstacles;
  return [...obstacles.slice(0, MAX_NAMED), `and ${obstacles.length - MAX_NAMED} more`];
}

/** What no copy has, whatever its destination is. */
function unreadable({ foreignTables, columns, copied }: Described): string[] {
  return [
    ...foreignTables.map((table) => `${quote(table)} is a foreign table, whose rows are on another server`),
    ...columns.flatMap((column) => objectIdObstacles(column, copied)),
  ];
}

function obstaclesOf(source: Described): string[] {
  return [
    ...source.copied.filter(({ key }) => key.length === 0).map(withoutKey),
    ...unreadable(source),
    ...source.columns.flatMap((column) => identityObstacles(column, source.copied)),
  ];
}

// Exclusion constraints too. Parts of the key only: an INCLUDE column decides nothing. Not those of expressions or of some rows:
// whether these meet is known when the rows are written.
const UNIQUE_OVER_TENANTS = `
  SELECT c.relname AS "table", x.relname AS index
  FROM pg_class c
  JOIN pg_index i ON i.indrelid = c.oid AND (i.indisunique OR i.indisexclusion) AND i.indexprs IS NULL AND i.indpred IS NULL
  JOIN pg_class x ON x.oid = i.indexrelid
  WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND c.relname = ANY ($2)
    AND NOT EXISTS (SELECT FROM unnest(i.indkey) WITH ORDINALITY AS k (attnum, n)
                    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
                    WHERE k.n <= i.indnkeyatts AND a.attname = 'tenant_id')
  ORDER BY 1, 2`;

interface Described extends PlaceTables {
  readonly copied: readonly CopiedTable[];
}

function quote(table: string): string {
  return `table ${pg.escapeIdentifier(table)}`;
}

function withoutKey({ name }: CopiedTable): string {
  return `${quote(name)} has no primary key and no other unique index of columns that are NOT NULL`;
}

function differences(source: Described, destination: Described): string[] {
  if (source.encoding !== destination.encoding) {
    return [`the databases have different encodings: ${source.encoding} and ${destination.encoding}`];
  }
  const others = new Map(destination.copied.map((table) => [table.name, table]));
  const missing = source.copied.filter(({ name }) => !others.has(name));
  const names = new Set(source.copied.map(({ name }) => name));
  const extra = destination.copied.filter(({ name }) => !names.has(name));
  return [
    ...missing.map(({ name }) => `${quote(name)} is missing at the destination`),
    ...extra.map(({ name }) => `${quote(name)} is at the destination only`),
    ...source.copied.flatMap((table) => {
      const other = others.get(table.name);
      return other ? tableDifferences(table, other, source.columns, destination.columns) : [];
    }),
  ];
}

function tableDifferences(
  table: CopiedTable,
  other: CopiedTable,
  columns: readonly PlaceColumn[],
  otherColumns: readonly PlaceColumn[],
): string[] {
  const own = kinds(columns, table.name);
  const others = kinds(otherColumns, table.name);
  const differing = [...new Set([...own.keys(), ...others.keys()])].filter(
    (name) => own.get(name) !== others.get(name),
  );
  const found = differing.map((name) => {
    const [here = 'missing', there = 'missing'] = [own.get(name), others.get(name)];
    return `column ${pg.escapeIdentifier(name)} of ${quote(table.name)} differs: ${here} at the source, ${there} at the destination`;
  });
  if (found.length > 0 || table.key.join() === other.key.join()) return found;
  return [`${quote(table.name)} has another key at the destination`];
}

function kinds(columns: readonly PlaceColumn[], table: string): Map<string, string> {
  const own = columns.filter((column) => column.table === table);
  return new Map(own.map(({ column, type, isGenerated }) => [column, isGenerated ? `generated ${type}` : type]));
}

function objectIdObstacles(column: PlaceColumn, copied: readonly CopiedTable[]): string[] {
  if (!column.hasObjectIds || !ownerOf(column, copied)) return [];
  return [`${columnName(column)} has type ${column.type}: what it refers to, such as a large object, is not copied`];
}

function identityObstacles(column: PlaceColumn, copied: readonly CopiedTable[]): string[] {
  const owner = ownerOf(column, copied);
  if (!owner || !column.isAlwaysIdentity || owner.key.includes(column.column)) return [];
  return [`${columnName(column)} is GENERATED ALWAYS AS IDENTITY outside the key, and cannot be updated`];
}

/** Undefined for a partition, whose columns are those of the partitioned table. */
function ownerOf({ table }: PlaceColumn, copied: readonly CopiedTable[]): CopiedTable | undefined {
  return copied.find(({ name }) => name === table);
}

function columnName({ table, column }: PlaceColumn): string {
  return `column ${pg.escapeIdentifier(column)} of ${quote(table)}`;
}

/** Where the tenant is alone, `disableTriggers` disables them. */
async function triggerObstacles(to: CopyPlace): Promise<string[]> {
  if (to.isAlone) return [];
  const firing = (await userTriggers(to)).filter(({ state }) => state === 'O' || state === 'A');
  return firing.map(
    ({ table, name }) => `trigger ${pg.escapeIdentifier(name)} of ${quote(table)} would fire at the destination`,
  );
}

/** Rows without a `tenant_id` are not copied, and those that they refer to could not be removed. */
async function outsideRows(
  { client }: CopyPlace,
  { outsideReferences }: PlaceTables,
  tenantId: string,
): Promise<string[]> {
  const found: string[] = [];
  for (const { child, parent, match } of outsideReferences) {
    const { rows } = await client.query<{ refers: boolean }>(
      `SELECT EXISTS (SELECT FROM ${parent} t JOIN ${child} c ON ${match} WHERE t.tenant_id = $1) AS refers`,
      [tenantId],
    );
    if (rows[0]?.refers) found.push(`table ${child} has no tenant_id, and refers to rows of the tenant in ${parent}`);
  }
  return found;
}

/** In the same tables, the copies cannot have values that an index keeps unique over all tenants. */
async function doubledValues(from: CopyPlace, copied: readonly CopiedTable[], tenantId: string): Promise<string[]> {
  const { rows } = await from.client.query<{ table: string; index: string }>(UNIQUE_OVER_TENANTS, [
    from.schema,
    copied.map(({ name }) => name),
  ]);
  const found: string[] = [];
  for (const table of copied) {
    const indexes = rows.filter((row) => row.table === table.name);
    if (indexes.length === 0 || !(await hasRows(from, table, tenantId))) continue;
    for (const { index } of indexes) {
      found.push(`index ${pg.escapeIdentifier(index)} of ${quote(table.name)} is unique without tenant_id`);
    }
  }
  return found;
}

async function hasRows(from: CopyPlace, table: CopiedTable, tenantId: string): Promise<boolean> {
  const { rows } = await from.client.query<{ found: boolean }>(
    `SELECT EXISTS (SELECT FROM ${rowsOf(from, table)} WHERE tenant_id = $1) AS found`,
    [tenantId],
  );
  return rows[0]?.found === true;
}
