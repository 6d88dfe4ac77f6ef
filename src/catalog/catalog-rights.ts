import pg from 'pg';
import type { ConnectionTarget } from '../database/connection/connection-target.js';
import { MissingRightsError, UnsupportedServerError } from './catalog.errors.js';
import { isSupported, SERVER_FACTS, type ServerFacts } from './server-facts.js';

interface Rights extends ServerFacts {
  readonly may_create_tables: boolean;
}

/** Whether the role may create tables in a schema, and the schema if that does not exist. $1: the schema */
export const MAY_CREATE_TABLES = `
  coalesce(
    (SELECT has_schema_privilege(n.oid, 'USAGE') AND has_schema_privilege(n.oid, 'CREATE')
     FROM pg_namespace n WHERE n.nspname = $1),
    has_database_privilege(current_database(), 'CREATE'))`;

const RIGHTS = `
  SELECT ${SERVER_FACTS}, ${MAY_CREATE_TABLES} AS may_create_tables
  FROM pg_roles WHERE rolname = current_user`;

/**
 * @param placement the catalog's schema, and whether an operator has made the database and login role of shared tenants
 * @throws UnsupportedServerError, MissingRightsError
 */
export async function assertRights(
  client: pg.ClientBase,
  target: ConnectionTarget,
  { isProvided, schema }: { readonly isProvided: boolean; readonly schema: string },
): Promise<void> {
  const [rights] = (await client.query<Rights>(RIGHTS, [schema])).rows;
  if (!rights) throw new MissingRightsError(target.role, ['all rights: it is not in pg_roles']);
  if (!isSupported(rights)) throw new UnsupportedServerError(rights.version);
  const missing = [
    ...(rights.may_create_databases || isProvided ? [] : ['CREATEDB']),
    ...(rights.may_create_roles || isProvided ? [] : ['CREATEROLE']),
    ...(rights.may_create_tables ? [] : [tablesRight(schema, target.database, 'the catalog')]),
  ];
  if (missing.length > 0) throw new MissingRightsError(target.role, missing);
}

/** The right to create tables in a schema that may not exist yet, as an operator grants it. */
export function tablesRight(schema: string, database: string, purpose: string): string {
  const [inSchema, onDatabase] = [schema, database].map(pg.escapeIdentifier);
  return `CREATE in the schema ${inSchema} for ${purpose}, or on the database ${onDatabase} if there is no such schema`;
}
