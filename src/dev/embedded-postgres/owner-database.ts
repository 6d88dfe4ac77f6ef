import type pg from 'pg';

/** Name of the role that the application connects as, and of its database. */
export const OWNER = 'tenantry';

/**
 * Creates the owner's role and database, or completes them after a crash, with the rights an operator would grant on a
 * real server: CREATEDB and CREATEROLE, but not SUPERUSER.
 */
export async function ensureOwnerDatabase(superuser: pg.ClientBase, ownerPassword: string): Promise<void> {
  if (!(await exists(superuser, 'pg_roles', 'rolname'))) await superuser.query(`CREATE ROLE ${OWNER}`);
  await superuser.query(
    `ALTER ROLE ${OWNER} LOGIN CREATEDB CREATEROLE NOSUPERUSER NOBYPASSRLS NOREPLICATION
     PASSWORD ${superuser.escapeLiteral(ownerPassword)}`,
  );
  if (!(await exists(superuser, 'pg_database', 'datname'))) {
    await superuser.query(`CREATE DATABASE ${OWNER} OWNER ${OWNER}`);
  }
  // Tenants' login roles have their own databases and must not connect to the catalog, nor to the databases that every
  // server has; the owner administers the server from one of these.
  await superuser.query(`REVOKE CONNECT ON DATABASE ${OWNER}, postgres, template1 FROM PUBLIC`);
  await superuser.query(`GRANT CONNECT ON DATABASE postgres TO ${OWNER}`);
}

async function exists(client: pg.ClientBase, catalog: string, column: string): Promise<boolean> {
  const { rowCount } = await client.query(`SELECT FROM ${catalog} WHERE ${column} = $1`, [OWNER]);
  return rowCount === 1;
}
