import pg from 'pg';

/**
 * SQL that creates a schema unless there is one. `CREATE SCHEMA IF NOT EXISTS` wants CREATE on the database for an existing
 * one, too; an operator may have made it for a role that lacks that right.
 */
export function createSchemaSql(schema: string): string {
  const name = pg.escapeIdentifier(schema);
  return `DO ${pg.escapeLiteral(`BEGIN
    IF to_regnamespace(${pg.escapeLiteral(name)}) IS NULL THEN CREATE SCHEMA IF NOT EXISTS ${name}; END IF;
  END`)}`;
}
