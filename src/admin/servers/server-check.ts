import pg from 'pg';
import type { ConnectionTarget } from '../../database/connection/connection-target.js';
import { clientConfig, type PoolOptions } from '../../database/pool/pool-options.js';
import { ValidationFailedError } from '../../platform/errors/request.errors.js';

const OLDEST_VERSION_NUM = 150_000;
/** SQLSTATE class 28: invalid authorization. */
const REFUSED_LOGIN = /^28/;

interface Rights {
  readonly version_num: number;
  readonly may_create_databases: boolean;
  readonly may_create_roles: boolean;
  readonly is_standby: boolean;
}

const RIGHTS = `
  SELECT current_setting('server_version_num')::int AS version_num,
         rolsuper OR rolcreatedb AS may_create_databases,
         rolsuper OR rolcreaterole AS may_create_roles,
         pg_is_in_recovery() AS is_standby
  FROM pg_roles WHERE rolname = current_user`;

/**
 * Connects as the owner, and looks whether it may do what tenants need.
 *
 * @throws ValidationFailedError that names the field to correct
 */
export async function checkServer(owner: ConnectionTarget, options: PoolOptions): Promise<void> {
  const rights = await readRights(owner, options);
  if (rights.version_num < OLDEST_VERSION_NUM) refuse('host', 'is older than PostgreSQL 15');
  if (rights.is_standby) refuse('host', 'is a standby: it takes no writes');
  if (!rights.may_create_databases) refuse('ownerRole', 'lacks CREATEDB');
  if (!rights.may_create_roles) refuse('ownerRole', 'lacks CREATEROLE');
}

async function readRights(owner: ConnectionTarget, options: PoolOptions): Promise<Rights> {
  const client = new pg.Client({ ...clientConfig(owner, options), application_name: 'tenantry server check' });
  client.on('error', () => undefined); // the statement that waits on it is told
  try {
    await client.connect();
    const { rows } = await client.query<Rights>(RIGHTS);
    return rows[0] ?? refuse('ownerRole', 'is not listed by the server');
  } catch (error) {
    if (error instanceof ValidationFailedError) throw error;
    const isRefused = error instanceof pg.DatabaseError && REFUSED_LOGIN.test(error.code ?? '');
    if (isRefused) refuse('ownerPassword', 'was refused by the server, with this role');
    return refuse('host', 'does not answer as a PostgreSQL server at this port, with this tls');
  } finally {
    await client.end();
  }
}

function refuse(field: string, message: string): never {
  throw new ValidationFailedError([{ field, message }]);
}
