import type pg from 'pg';
import type { AppConfig } from '../platform/config/app-config.js';
import { type ConnectionTarget, targetOfUrl } from '../database/connection/connection-target.js';
import { ISOLATION_SCHEMA } from '../database/isolation/isolation-functions.js';

/** Holds the tables of all row tenants of a target. */
export const SHARED_SCHEMA = 'shared';

/** The database and login role that an operator made for the row and schema tenants of the default server. */
export type ProvidedDatabase = Pick<ConnectionTarget, 'database' | 'role' | 'password'>;

/** What `TENANT_DATABASE_URL` names; undefined when Tenantry makes database and role itself. */
export function providedDatabase({ database: { tenantUrl } }: AppConfig): ProvidedDatabase | undefined {
  return tenantUrl === undefined ? undefined : targetOfUrl(tenantUrl, 'provided');
}

// A schema that is not there yet takes CREATE on the database; one that is must be the owner's.
const MISSING_RIGHTS = `
  SELECT array(
    SELECT CASE WHEN n.oid IS NULL THEN format('CREATE on the database %I, or a schema %I', current_database(), needed.name)
             ELSE format('ownership of the schema %I in the database %I', needed.name, current_database()) END
    FROM unnest($1::text[]) needed (name) LEFT JOIN pg_namespace n ON n.nspname = needed.name
    WHERE CASE WHEN n.oid IS NULL THEN NOT has_database_privilege(current_database(), 'CREATE')
            ELSE pg_get_userbyid(n.nspowner) <> current_user END
    ORDER BY 1) AS missing`;

/**
 * The rights that the owner lacks in a provided database for tenants with shared tables.
 *
 * @param client connected to that database as the owner
 */
export async function missingRightsIn(client: pg.ClientBase): Promise<readonly string[]> {
  const { rows } = await client.query<{ missing: string[] }>(MISSING_RIGHTS, [[SHARED_SCHEMA, ISOLATION_SCHEMA]]);
  return rows[0]?.missing ?? [];
}
