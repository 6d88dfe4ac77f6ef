import { randomInt } from 'node:crypto';
import pg from 'pg';

/** Where a tenant's rows are, as the owner of the tables sees them. */
export interface CopyPlace {
  /** Connected as the owner of the tables to the place's database, not in a transaction. */
  readonly client: pg.Client;
  readonly schema: string;
  /** Whether the tenant is alone in the tables: its own schema or database. */
  readonly isAlone: boolean;
}

/** What a statement needs to know of a table to name it. */
interface NamedTable {
  readonly name: string;
  readonly isPartitioned: boolean;
}

/** A name in the place's schema, quoted. */
export function qualified({ schema }: Pick<CopyPlace, 'schema'>, name: string): string {
  return `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(name)}`;
}

/** The table in a FROM clause: with its partitions, but without tables that inherit from it, which are listed themselves. */
export function rowsOf(place: Pick<CopyPlace, 'schema'>, { name, isPartitioned }: NamedTable): string {
  return `${isPartitioned ? '' : 'ONLY '}${qualified(place, name)}`;
}

/** Columns, quoted, for a list. */
export function columnList(columns: readonly string[], alias?: string): string {
  const prefix = alias === undefined ? '' : `${alias}.`;
  return columns.map((column) => prefix + pg.escapeIdentifier(column)).join(', ');
}

/**
 * Whether two places have the same tables. Names and addresses do not tell: one server may have several addresses, and a
 * copied server has the names and the identifier of the other. An advisory lock belongs to one database.
 */
export async function isSamePlace(from: CopyPlace, to: CopyPlace): Promise<boolean> {
  if (from.schema !== to.schema) return false;
  const key = [randomInt(2 ** 31), randomInt(2 ** 31)];
  await from.client.query('SELECT pg_advisory_lock($1::int, $2::int)', key);
  try {
    const { rows } = await to.client.query<{ free: boolean }>(
      'SELECT pg_try_advisory_xact_lock($1::int, $2::int) AS free',
      key,
    );
    return rows[0]?.free !== true;
  } finally {
    await from.client.query('SELECT pg_advisory_unlock($1::int, $2::int)', key);
  }
}
