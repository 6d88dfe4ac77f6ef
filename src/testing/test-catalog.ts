import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { clientConfig } from '../database/connection/client-config.js';
import { targetOfUrl } from '../database/connection/connection-target.js';
import { ReadWriteClient } from '../database/connection/read-write-client.js';
import { withDatabase } from '../platform/postgres/database-url.js';

const OPTIONS = { instanceId: '00000000', connectTimeoutMs: 10_000, statementTimeoutMs: 300_000 };

/** A catalog database that belongs to one test tenancy. */
export interface TestCatalog {
  /** As the owner; contains the password. */
  readonly url: string;
  /** Drops it with the databases and login roles of its tenants. */
  drop(): Promise<void>;
}

/**
 * Creates an empty database on the server of a URL.
 *
 * @param serverUrl of any database there, for a role with CREATEDB and CREATEROLE
 */
export async function createTestCatalog(serverUrl: string): Promise<TestCatalog> {
  const name = `tenantry_test_${randomBytes(6).toString('hex')}`;
  await asOwner(serverUrl, (owner) => owner.query(`CREATE DATABASE ${name}`));
  return { url: withDatabase(serverUrl, name), drop: () => asOwner(serverUrl, (owner) => dropEverything(owner, name)) };
}

/** The names of shared and dedicated targets begin with the catalog's. */
async function dropEverything(owner: pg.Client, name: string): Promise<void> {
  const namePattern = `^${name}(_|$)`;
  const databases = await owner.query<{ name: string }>('SELECT datname AS name FROM pg_database WHERE datname ~ $1', [
    namePattern,
  ]);
  for (const { name: database } of databases.rows) {
    await owner.query(`DROP DATABASE IF EXISTS ${pg.escapeIdentifier(database)} WITH (FORCE)`);
  }
  const roles = await owner.query<{ name: string }>('SELECT rolname AS name FROM pg_roles WHERE rolname ~ $1', [
    namePattern,
  ]);
  for (const { name: role } of roles.rows) await owner.query(`DROP ROLE IF EXISTS ${pg.escapeIdentifier(role)}`);
}

async function asOwner(url: string, work: (owner: pg.Client) => Promise<unknown>): Promise<void> {
  const owner = new ReadWriteClient(clientConfig(targetOfUrl(url, 'test'), OPTIONS));
  owner.on('error', () => undefined); // the pending query rejects with the same error
  await owner.connect();
  try {
    await work(owner);
  } finally {
    await owner.end();
  }
}
