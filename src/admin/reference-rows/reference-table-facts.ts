import pg from 'pg';
import { isReferenceTableSql } from '../../database/isolation/reference-policy.js';
import { ReferenceTableMissingError } from './reference-rows.errors.js';

/** A reference table of one schema, as PostgreSQL has it. */
export interface ReferenceTableFacts {
  /** Changes when the table is dropped and made again. */
  readonly oid: string;
  /** Quoted, with its schema. */
  readonly name: string;
  /** Those that take values. */
  readonly columns: readonly string[];
  readonly primaryKey: readonly string[];
}

const FACTS = `
  SELECT c.oid::text AS oid, format('%I.%I', $1::text, c.relname) AS name,
    array(SELECT a.attname::text FROM pg_attribute a
          WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '') AS columns,
    array(SELECT a.attname::text FROM pg_index i, unnest(i.indkey::int2[]) WITH ORDINALITY k(attnum, n)
          JOIN pg_attribute a ON a.attnum = k.attnum
          WHERE i.indrelid = c.oid AND i.indisprimary AND a.attrelid = c.oid ORDER BY k.n) AS "primaryKey"
  FROM pg_class c
  WHERE c.relnamespace = to_regnamespace(quote_ident($1))::oid AND c.relname = $2 AND ${isReferenceTableSql('c.oid')}`;

/** @throws ReferenceTableMissingError */
export async function readFacts(client: pg.ClientBase, schema: string, table: string): Promise<ReferenceTableFacts> {
  const { rows } = await client.query<ReferenceTableFacts>(FACTS, [schema, table]);
  if (!rows[0]) throw new ReferenceTableMissingError(table);
  return rows[0];
}

/** `"a", "b"` */
export function quotedList(columns: readonly string[], prefix = ''): string {
  return columns.map((column) => prefix + pg.escapeIdentifier(column)).join(', ');
}

/** SQL: the rows of the JSON array `$1`, with the types of the table's columns. */
export function rowsOfJson({ name }: Pick<ReferenceTableFacts, 'name'>): string {
  return `jsonb_populate_recordset(NULL::${name}, $1::jsonb)`;
}
