import type pg from 'pg';
import { type TableGroup, tableGroups, type TableReference, type TenantTable } from './table-groups.js';

/** A column of a table's key. */
interface KeyColumn {
  readonly name: string;
  /** As SQL, with its schema; without length or precision. */
  readonly type: string;
  /** The operator of the key's index that compares two values, as SQL with its schema. */
  readonly equals: string;
  /** As SQL with its schema; null for a type without collations. */
  readonly collation: string | null;
  /** Whether the index has values in the order of PostgreSQL's own operators for the type: other ones are found by a search path. */
  readonly isOrdered: boolean;
}

/** A foreign key that leads to a table, from a table that is copied too. */
export interface CopiedReference extends Omit<TableReference, 'child'> {
  /** Bare name of the table that has it. */
  readonly child: string;
}

export interface CopiedTable {
  /** Bare name; a partitioned table stands for its partitions. */
  readonly name: string;
  /** Without generated columns, in the table's order. */
  readonly columns: readonly string[];
  /** Primary key, else a unique NOT NULL index of plain columns; empty when there is none. */
  readonly key: readonly string[];
  readonly keyColumns: readonly KeyColumn[];
  readonly isPartitioned: boolean;
  readonly references: readonly CopiedReference[];
}

/** Tables that refer to one another in a cycle, or a single table. */
export type CopiedGroup = readonly CopiedTable[];

interface TableColumns {
  readonly id: string;
  readonly columns: string[];
  readonly keyColumns: KeyColumn[] | null;
  readonly isPartitioned: boolean;
}

// A deferrable index cannot decide on conflicts of INSERT. btree is the only method of unique indexes; its equality is strategy 3.
const COLUMNS = `
  SELECT c.oid::text AS id, c.relkind = 'p' AS "isPartitioned",
         ARRAY(SELECT attname::text FROM pg_attribute
               WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '' ORDER BY attnum) AS columns,
         (SELECT json_agg(json_build_object('name', a.attname, 'type', format('%I.%I', tn.nspname, t.typname),
                                            'equals', format('OPERATOR(%I.%s)', opn.nspname, o.oprname),
                                            'collation', quote_ident(cn.nspname) || '.' || quote_ident(co.collname),
                                            'isOrdered', oc.opcdefault AND oc.opcnamespace = 'pg_catalog'::regnamespace
                                              AND k.coll = a.attcollation AND k.opt = 0) ORDER BY k.n)
          FROM unnest(key.indkey, key.indclass, key.indcollation, key.indoption) WITH ORDINALITY
            AS k (attnum, opclass, coll, opt, n)
          JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
          JOIN pg_type t ON t.oid = a.atttypid
          JOIN pg_namespace tn ON tn.oid = t.typnamespace
          JOIN pg_opclass oc ON oc.oid = k.opclass
          JOIN pg_amop ao ON ao.amopfamily = oc.opcfamily AND ao.amopstrategy = 3
           AND ao.amoplefttype = oc.opcintype AND ao.amoprighttype = oc.opcintype
          JOIN pg_operator o ON o.oid = ao.amopopr
          JOIN pg_namespace opn ON opn.oid = o.oprnamespace
          LEFT JOIN pg_collation co ON co.oid = a.attcollation
          LEFT JOIN pg_namespace cn ON cn.oid = co.collnamespace
          WHERE k.n <= key.indnkeyatts) AS "keyColumns"
  FROM pg_class c
  LEFT JOIN LATERAL (
    SELECT i.indkey, i.indclass, i.indcollation, i.indoption, i.indnkeyatts FROM pg_index i
    WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indimmediate
      AND i.indpred IS NULL AND i.indexprs IS NULL
      AND NOT EXISTS (SELECT FROM unnest(i.indkey) WITH ORDINALITY AS k (attnum, n)
                      JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.attnum
                      WHERE k.n <= i.indnkeyatts AND (NOT a.attnotnull OR a.attgenerated <> ''))
    ORDER BY i.indisprimary DESC, i.indnkeyatts, i.indexrelid LIMIT 1
  ) key ON true
  WHERE c.oid = ANY ($1::oid[])`;

/**
 * The tables in a schema that have a `tenant_id`, in groups: referenced tables before those that refer to them; a group
 * of more than one is a cycle of foreign keys.
 */
export async function copiedTables(client: pg.ClientBase, schema: string): Promise<readonly CopiedGroup[]> {
  const groups = await tableGroups(client, schema);
  const tables = groups.flatMap((group) => group.tables);
  const { rows } = await client.query<TableColumns>(COLUMNS, [tables.map(({ id }) => id)]);
  const columns = new Map(rows.map((row) => [row.id, row]));
  const names = new Map(tables.map(({ id, name }) => [id, name]));
  return groups.toReversed().map((group: TableGroup) =>
    group.tables.flatMap((table) => {
      const found = columns.get(table.id);
      return found ? [toCopiedTable(table, found, names)] : []; // dropped since
    }),
  );
}

function toCopiedTable(
  { name, references }: TenantTable,
  { columns, keyColumns, isPartitioned }: TableColumns,
  names: ReadonlyMap<string, string>,
): CopiedTable {
  return {
    ...{ name, columns, isPartitioned },
    key: (keyColumns ?? []).map((column) => column.name),
    keyColumns: keyColumns ?? [],
    references: references.map((reference) => ({ ...reference, child: names.get(reference.child) ?? reference.child })),
  };
}
