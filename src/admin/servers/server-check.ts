import pg from 'pg';
import { isSupported, SERVER_FACTS, type ServerFacts } from '../../catalog/server-facts.js';
import type { ConnectionTarget } from '../../database/connection/connection-target.js';
import type { PoolOptions } from '../../database/pool/pool-options.js';
import { ReadOnlyServerError } from '../../database/connection/connection.errors.js';
import { ReadWriteClient } from '../../database/connection/read-write-client.js';
import { clientConfig } from '../../database/connection/client-config.js';
import { ValidationFailedError } from '../../platform/errors/request.errors.js';

/** SQLSTATE class 28: invalid authorization. */
const INVALID_AUTHORIZATION = /^28/;

const STANDBY = 'is a standby: it is read-only';

const OWNER_FACTS = `SELECT ${SERVER_FACTS} FROM pg_roles WHERE rolname = current_user`;

/**
 * Connects as the owner and checks the server and the owner's privileges.
 *
 * @throws ValidationFailedError with the field to correct
 */
export async function checkServer(owner: ConnectionTarget, options: PoolOptions): Promise<void> {
  const rights = await readOwnerFacts(owner, options);
  if (!isSupported(rights)) reject('host', 'is older than PostgreSQL 15');
  if (!rights.may_create_databases) reject('ownerRole', 'lacks CREATEDB');
  if (!rights.may_create_roles) reject('ownerRole', 'lacks CREATEROLE');
}

async function readOwnerFacts(owner: ConnectionTarget, options: PoolOptions): Promise<ServerFacts> {
  const client = new ReadWriteClient({ ...clientConfig(owner, options), application_name: 'tenantry server check' });
  client.on('error', () => undefined); // the pending query rejects with the same error
  try {
    await client.connect();
    const { rows } = await client.query<ServerFacts>(OWNER_FACTS);
    return rows[0] ?? reject('ownerRole', 'is not in pg_roles on this server');
  } catch (error) {
    if (error instanceof ValidationFailedError) throw error;
    if (error instanceof ReadOnlyServerError) {
      reject('host', error.isStandby ? STANDBY : 'refuses writes: default_transaction_read_only is on');
    }
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
