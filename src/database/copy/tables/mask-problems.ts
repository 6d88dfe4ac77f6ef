import pg from 'pg';
import type { ColumnMasks } from '../../table-migrations/tenant-schema/column-masks.js';
import type { CopyPlace } from '../copy-place.js';
import { type CopiedTable, copiedTables } from './copied-tables.js';

interface Column {
  readonly table: string;
  readonly column: string;
  readonly isGenerated: boolean;
  /** Whether it belongs to a foreign key of the table, or of a partition. */
  readonly refers: boolean;
}

const COLUMNS = `
  SELECT c.relname AS "table", a.attname AS "column", a.attgenerated <> '' AS "isGenerated",
         EXISTS (
           SELECT FROM (SELECT c.oid AS relation UNION SELECT relid FROM pg_partition_tree(c.oid)) member
           JOIN pg_constraint k ON k.conrelid = member.relation AND k.contype = 'f'
           JOIN pg_attribute own ON own.attrelid = k.conrelid AND own.attnum = ANY (k.conkey)
           WHERE own.attname = a.attname) AS refers
  FROM pg_class c
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = $1) AND c.relname = ANY ($2)`;

/**
 * Why masks cannot be applied to the tables of a place, a sentence each; empty when they can. Masked values would tear rows
 * apart that belong together: columns of keys and foreign keys, and `tenant_id`, stay as they are.
 */
export async function maskProblems({ client, schema }: CopyPlace, masks: ColumnMasks): Promise<readonly string[]> {
  const tables = (await copiedTables(client, schema)).flat();
  const { rows } = await client.query<Column>(COLUMNS, [schema, tables.map(({ name }) => name)]);
  return Object.entries(masks).flatMap(([name, columns]) => {
    const table = tables.find((copied) => copied.name === name);
    if (!table) return [`there is no table ${pg.escapeIdentifier(name)} with a tenant_id`];
    return Object.keys(columns).flatMap((column) => {
      const found = rows.find((row) => row.table === name && row.column === column);
      const problem = found ? problemOf(found, table) : 'does not exist';
      return problem === undefined
        ? []
        : [`column ${pg.escapeIdentifier(column)} of table ${pg.escapeIdentifier(name)} ${problem}`];
    });
  });
}

function problemOf({ column, isGenerated, refers }: Column, { key, references }: CopiedTable): string | undefined {
  if (column === 'tenant_id') return 'is that of the tenant';
  if (isGenerated) return 'is generated from others';
  if (key.includes(column)) return 'belongs to the key';
  if (refers) return 'belongs to a foreign key';
  if (references.some(({ parentColumns }) => parentColumns.includes(column))) return 'is referred to by a foreign key';
  return undefined;
}
