import pg from 'pg';
import type { ConnectionTarget } from '../../database/connection/connection-target.js';
import type { PoolOptions } from '../../database/pool/pool-options.js';
import { clientConfig } from '../../database/connection/client-config.js';
import { ValidationFailedError } from '../../platform/errors/request.errors.js';

const OLDEST_VERSION_NUM = 150_000;
/** SQLSTATE class 28: invalid authorization. */
const INVALID_AUTHORIZATION = /^28/;

interface OwnerFacts {
  readonly version_num: number;
  readonly may_create_databases: boolean;
  readonly may_create_roles: boolean;
  readonly is_standby: boolean;
  readonly is_read_only: boolean;
}

const OWNER_FACTS = `
  SELECT current_setting('server_version_num')::int AS version_num,
         rolsuper OR rolcreatedb AS may_create_databases,
         rolsuper OR rolcreaterole AS may_create_roles,
         pg_is_in_recovery() AS is_standby, current_setting('transaction_read_only')::boolean AS is_read_only
  FROM pg_roles WHERE rolname = current_user`;

/**
 * Connects as the owner and checks the server and the owner's privileges.
 *
 * @throws ValidationFailedError with the field to correct
 */
export async function checkServer(owner: ConnectionTarget, options: PoolOptions): Promise<void> {
  const rights = await readOwnerFacts(owner, options);
  if (rights.version_num < OLDEST_VERSION_NUM) reject('host', 'is older than PostgreSQL 15');
  if (rights.is_standby) reject('host', 'is a standby: it is read-only');
  if (rights.is_read_only) reject('host', 'refuses writes: default_transaction_read_only is on');
  if (!rights.may_create_databases) reject('ownerRole', 'lacks CREATEDB');
  if (!rights.may_create_roles) reject('ownerRole', 'lacks CREATEROLE');
}

async function readOwnerFacts(owner: ConnectionTarget, options: PoolOptions): Promise<OwnerFacts> {
  const client = new pg.Client({ ...clientConfig(owner, options), application_name: 'tenantry server check' });
  client.on('error', () => undefined); // the pending query rejects with the same error
  try {
    await client.connect();
    const { rows } = await client.query<OwnerFacts>(OWNER_FACTS);
    return rows[0] ?? reject('ownerRole', 'is not in pg_roles on this server');
  } catch (error) {
    if (error instanceof ValidationFailedError) throw error;
    const isLoginRejected = error instanceof pg.DatabaseError && INVALID_AUTHORIZATION.test(error.code ?? '');
    if (isLoginRejected) reject('ownerPassword', 'was rejected by the server for this role');
    return reject('host', 'is not reachable as a PostgreSQL server with this port and tls');
  } finally {
    await client.end();
  }
}

function reject(field: string, message: string): never {
  throw new ValidationFailedError([{ field, message }]);
}
