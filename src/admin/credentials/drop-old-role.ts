import pg from 'pg';
import { RotationRejectedError } from './credentials.errors.js';
import { type DatabaseRole, joinRole, roleState } from '../provisioning/login-role.js';
import { assertConnectedTo } from './create-new-role.js';

// DROP OWNED would drop these objects too. Temporary tables are excluded: they end with their session.
const OWNED = `
  SELECT count(*)::int AS owned
  FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid AND d.refclassid = 'pg_authid'::regclass
  WHERE r.rolname = $1 AND d.deptype = 'o'
    AND d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    AND NOT EXISTS (SELECT FROM pg_class c
                    WHERE d.classid = 'pg_class'::regclass AND c.oid = d.objid AND c.relpersistence = 't')`;

/**
 * Drops a login role: disables its login, revokes its privileges in the target's database, and drops it. Sessions that
 * are still open would continue without privileges: wait until `countSessions` returns 0, or terminate them, before
 * calling this. Does nothing if the role does not exist.
 *
 * @param client connected to the target's database as the owner that created the role, not in a transaction
 * @throws RotationRejectedError when the role is not the target's, it owns objects, or the database is another one
 */
export async function dropOldRole(client: pg.ClientBase, old: DatabaseRole): Promise<void> {
  await assertConnectedTo(client, old.database);
  const state = await roleState(client, old);
  if (state === 'missing') return;
  if (state === 'foreign') throw new RotationRejectedError('the login role was not created for this target');
  const name = pg.escapeIdentifier(old.role);
  await client.query(`ALTER ROLE ${name} NOLOGIN`);
  const { rows } = await client.query<{ owned: number }>(OWNED, [old.role]);
  if (rows[0]?.owned !== 0) throw new RotationRejectedError('the login role owns objects in the database');
  await dropWithPrivileges(client, old.role);
}

/** In one transaction, so that the membership in the role, which this needs, never outlives it. */
async function dropWithPrivileges(client: pg.ClientBase, role: string): Promise<void> {
  const name = pg.escapeIdentifier(role);
  await client.query('BEGIN');
  try {
    await joinRole(client, role);
    await client.query(`DROP OWNED BY ${name} RESTRICT`);
    await client.query(`DROP ROLE ${name}`);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined); // on a lost connection, the server has rolled back
    throw error;
  }
}
