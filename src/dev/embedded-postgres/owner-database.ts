import type pg from 'pg';

/** The role that the application connects as, and its database. */
export const OWNER = 'tenantry';

/**
 * Creates the owner's role and database, or what is missing of them after a crash, with the rights that an operator
 * would give the application on a server of their own: it may create databases and roles, and is no superuser.
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
  // Login roles of tenants have databases of their own; the catalog is none of their business.
  await superuser.query(`REVOKE CONNECT ON DATABASE ${OWNER} FROM PUBLIC`);
}

async function exists(client: pg.ClientBase, catalog: string, column: string): Promise<boolean> {
  const { rowCount } = await client.query(`SELECT FROM ${catalog} WHERE ${column} = $1`, [OWNER]);
  return rowCount === 1;
}
