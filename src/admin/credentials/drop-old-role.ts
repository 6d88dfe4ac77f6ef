import pg from 'pg';
import { RotationRefusedError } from './credentials.errors.js';
import { type DatabaseRole, joinRole, roleState } from '../provisioning/login-role.js';
import { assertConnectedTo } from './create-new-role.js';

// What it made while nobody looked would be dropped with its rights. Temporary tables end with their session anyway.
const OWNED = `
  SELECT count(*)::int AS owned
  FROM pg_shdepend d JOIN pg_roles r ON r.oid = d.refobjid AND d.refclassid = 'pg_authid'::regclass
  WHERE r.rolname = $1 AND d.deptype = 'o'
    AND d.dbid IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    AND NOT EXISTS (SELECT FROM pg_class c
                    WHERE d.classid = 'pg_class'::regclass AND c.oid = d.objid AND c.relpersistence = 't')`;

/**
 * Takes a login role out of use: it cannot log in any more, loses every right in the target's database, and is dropped.
 * Sessions that it still has go on without rights: wait until `sessionsOf` says that there are none, or end them. One
 * that is gone is fine.
 *
 * @param client as the owner who made the role, in the target's database, not in a transaction
 * @throws RotationRefusedError when it is not the target's role, the database is another one, or the role owns data
 */
export async function retireRole(client: pg.ClientBase, retired: DatabaseRole): Promise<void> {
  await assertConnectedTo(client, retired.database);
  const state = await roleState(client, retired);
  if (state === 'missing') return;
  if (state === 'foreign') throw new RotationRefusedError('the login role belongs to something else');
  const name = pg.escapeIdentifier(retired.role);
  await client.query(`ALTER ROLE ${name} NOLOGIN`);
  const { rows } = await client.query<{ owned: number }>(OWNED, [retired.role]);
  if (rows[0]?.owned !== 0) throw new RotationRefusedError('the login role owns something in the database');
  await dropWithRights(client, retired.role);
}

/** All at once: the membership that it needs is never left behind. */
async function dropWithRights(client: pg.ClientBase, role: string): Promise<void> {
  const name = pg.escapeIdentifier(role);
  await client.query('BEGIN');
  try {
    await joinRole(client, role);
    await client.query(`DROP OWNED BY ${name} RESTRICT`);
    await client.query(`DROP ROLE ${name}`);
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined); // a lost connection took the transaction with it
    throw error;
  }
}
