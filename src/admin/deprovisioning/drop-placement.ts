import pg from 'pg';
import { joinRole, roleState } from '../provisioning/login-role.js';
import { sharedTargetName } from '../provisioning/names.js';
import { assertOwnDatabase, assertOwnSchema } from './removable-names.js';
import { DeprovisioningRefusedError } from './deprovisioning.errors.js';

/**
 * Drops a tenant's own schema with everything in it. One that is gone is fine.
 *
 * @throws RemovalRefusedError when the name is not of a tenant's own schema
 */
export async function dropTenantSchema(client: pg.ClientBase, schema: string): Promise<void> {
  assertOwnSchema(schema);
  await client.query(`DROP SCHEMA IF EXISTS ${pg.escapeIdentifier(schema)} CASCADE`);
}

/**
 * Drops a tenant's own database, whoever is connected to it. One that is gone is fine. `client` is connected to another
 * database of the server, as the database's owner, and not in a transaction. The caller knows from the catalog that the
 * target is a dedicated one: a shared one of a catalog with a very long name looks like it.
 *
 * @throws RemovalRefusedError when the name is not of a tenant's own database, or it belongs to another role
 */
export async function dropTenantDatabase(client: pg.ClientBase, database: string): Promise<void> {
  assertOwnDatabase(database);
  const { rows } = await client.query<{ ours: boolean; current: string }>(
    `SELECT pg_get_userbyid(datdba) = current_user AS ours, current_database() AS current
     FROM pg_database WHERE datname = $1`,
    [database],
  );
  const [found] = rows;
  if (!found) return;
  if (!found.ours) throw new DeprovisioningRefusedError('the database belongs to another role');
  if ([found.current, sharedTargetName(found.current)].includes(database)) {
    throw new DeprovisioningRefusedError('the database is not of one tenant only');
  }
  for (const role of await loginRolesOf(client, database)) await joinRole(client, role); // FORCE needs their rights
  await client.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(database)} WITH (FORCE)`);
}

/**
 * Drops a target's login role, after everything that it has rights on. One that is gone is fine.
 *
 * @throws RemovalRefusedError when a role of that name was not made for this target
 */
export async function dropLoginRole(
  client: pg.ClientBase,
  { id, role }: { readonly id: string; readonly role: string },
): Promise<void> {
  const state = await roleState(client, { targetId: id, role });
  if (state === 'foreign') throw new DeprovisioningRefusedError('the login role belongs to something else');
  if (state === 'ours') await client.query(`DROP ROLE IF EXISTS ${pg.escapeIdentifier(role)}`);
}

/** Of our making, by their comments. More than one while credentials are rotated. */
async function loginRolesOf(client: pg.ClientBase, database: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT DISTINCT r.rolname AS name
     FROM pg_database d, aclexplode(d.datacl) acl JOIN pg_roles r ON r.oid = acl.grantee
     WHERE d.datname = $1 AND shobj_description(r.oid, 'pg_authid') LIKE 'login role of connection target %'`,
    [database],
  );
  return rows.map(({ name }) => name);
}
