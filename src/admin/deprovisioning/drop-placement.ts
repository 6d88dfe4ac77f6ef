import pg from 'pg';
import { joinRole, roleState } from '../provisioning/login-role.js';
import { sharedTargetName } from '../provisioning/names.js';
import { assertOwnDatabase, assertOwnSchema } from './droppable-names.js';
import { DeprovisioningRejectedError } from './deprovisioning.errors.js';

/**
 * Drops a tenant's own schema with everything in it. Does nothing if the schema does not exist.
 *
 * @param isAdopted whether the schema was there before, under a name of its own
 * @throws DeprovisioningRejectedError when the name is not that of a tenant's own schema
 */
export async function dropTenantSchema(client: pg.ClientBase, schema: string, isAdopted = false): Promise<void> {
  if (!isAdopted) assertOwnSchema(schema);
  await client.query(`DROP SCHEMA IF EXISTS ${pg.escapeIdentifier(schema)} CASCADE`);
}

/**
 * Drops a tenant's own database, even if sessions are connected to it. Does nothing if the database does not exist. The
 * caller must know from the catalog that the target is dedicated: if the catalog's name is very long, the name of a
 * shared database has the same form.
 *
 * @param isAdopted whether the database was there before, under a name of its own
 * @param client connected as the database's owner to another database of the server, not in a transaction
 * @throws DeprovisioningRejectedError when the name is not that of a tenant's own database, or another role owns it
 */
export async function dropTenantDatabase(client: pg.ClientBase, database: string, isAdopted = false): Promise<void> {
  if (!isAdopted) assertOwnDatabase(database);
  const { rows } = await client.query<{ ours: boolean; current: string }>(
    `SELECT pg_get_userbyid(datdba) = current_user AS ours, current_database() AS current
     FROM pg_database WHERE datname = $1`,
    [database],
  );
  const [found] = rows;
  if (!found) return;
  if (!found.ours) throw new DeprovisioningRejectedError('the database belongs to another role');
  if ([found.current, sharedTargetName(found.current)].includes(database)) {
    throw new DeprovisioningRejectedError('not the database of a single tenant');
  }
  for (const role of await loginRolesOf(client, database)) await joinRole(client, role); // FORCE requires it
  await client.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(database)} WITH (FORCE)`);
}

/**
 * Drops a target's login role, once the objects that it has privileges on are dropped. Does nothing if the role does
 * not exist.
 *
 * @throws DeprovisioningRejectedError when the role of that name was not created for this target
 */
export async function dropLoginRole(
  client: pg.ClientBase,
  { id, role }: { readonly id: string; readonly role: string },
): Promise<void> {
  const state = await roleState(client, { targetId: id, role });
  if (state === 'foreign') throw new DeprovisioningRejectedError('the login role was not created for this target');
  if (state === 'ours') await client.query(`DROP ROLE IF EXISTS ${pg.escapeIdentifier(role)}`);
}

/** Login roles created by Tenantry, by their comments. There are two during a rotation of credentials. */
async function loginRolesOf(client: pg.ClientBase, database: string): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT DISTINCT r.rolname AS name
     FROM pg_database d, aclexplode(d.datacl) acl JOIN pg_roles r ON r.oid = acl.grantee
     WHERE d.datname = $1 AND shobj_description(r.oid, 'pg_authid') LIKE 'login role of connection target %'`,
    [database],
  );
  return rows.map(({ name }) => name);
}
