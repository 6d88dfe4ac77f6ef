import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { ConnectionPools } from '../../dist/database/pool/connection-pools.js';
import { createStamp } from '../../dist/database/statements/stamps/stamp.js';
import { StampedClient } from '../../dist/database/transactions/stamped-client.js';
import { TenantAccess } from '../../dist/database/statements/tenant-access.js';

/** Size of every pool here. */
export const POOL_SIZE = 10;
/** Number of tenants, which share one target. Callers are assigned to them in turn. */
const TENANTS = 32;
/** The default settings, except the overflow: pg.Pool has none. */
export const POOL_CONFIG = {
  size: POOL_SIZE,
  maxOverflow: 0,
  recycleSeconds: 3600,
  timeoutMs: 30_000,
  connectTimeoutMs: 5_000,
  statementTimeoutMs: 30_000,
  serverMaxConnections: 90,
  leaseWarningMs: 60_000,
};
/** The time limits that our pool applies to every wait and statement, as far as node-postgres supports them. */
const SAME_DEADLINES = {
  connectionTimeoutMillis: POOL_CONFIG.timeoutMs,
  statement_timeout: POOL_CONFIG.statementTimeoutMs,
  query_timeout: POOL_CONFIG.statementTimeoutMs + 5_000,
};

/**
 * A contestant provides connections: `acquire(caller)` resolves with one, `clientOf` returns its node-postgres client,
 * `release` releases it, and returns a promise if that takes time. `close` closes everything.
 */

/** Ours, as the application uses it: through the handle that `ConnectionPools` returns. */
export function ourPool(server, { reuse = true } = {}) {
  const pools = new ConnectionPools({ pool: { ...POOL_CONFIG, enabled: reuse } });
  const pool = pools.get(targetOf(server));
  const accesses = Array.from({ length: TENANTS }, () => {
    const id = randomUUID();
    const share = { maxConcurrent: POOL_SIZE, maxQueued: 1_000 };
    return new TenantAccess(pool, createStamp(id, 'public'), share);
  });
  return {
    name: reuse ? 'our pool' : 'our pool, reuse off',
    accesses,
    acquire: (caller) => accesses[caller % TENANTS].acquireForStatement(),
    clientOf: (connection) => connection.client,
    release: (connection) => connection.release(),
    close: () => pools.close(5_000),
  };
}

/** A new connection for each operation, properly opened and closed. */
export function directClients(server) {
  const config = configOf(server);
  return {
    name: 'pg.Client each time',
    acquire: async () => {
      const client = new pg.Client(config);
      await client.connect();
      return client;
    },
    clientOf: (client) => client,
    release: (client) => client.end(),
    close: async () => {},
  };
}

/** pg.Pool with its defaults. */
export function barePool(server) {
  return pgPool('bare pg.Pool', configOf(server));
}

/**
 * pg.Pool with the time limits of ours: for a wait, for a statement at the server, and for a statement at the client.
 */
export function poolWithDeadlines(server) {
  return pgPool('pg.Pool + deadlines', { ...configOf(server), ...SAME_DEADLINES });
}

function pgPool(name, config) {
  const pool = new pg.Pool({ ...config, max: POOL_SIZE });
  return {
    name,
    pool,
    acquire: () => pool.connect(),
    clientOf: (client) => client,
    release: (client) => client.release(),
    close: () => {
      // end() does not wait for the connections to close, so the server may terminate them first.
      pool.on('error', () => undefined);
      return pool.end();
    },
  };
}

/** A stamped client per caller over our pool, as TypeORM's query runner uses it. */
export function stampedClients({ accesses }) {
  const clients = Array.from({ length: 1_000 }, (_, caller) => new StampedClient(accesses[caller % TENANTS]));
  return { name: 'our pool, stamped', run: (caller, text, values) => clients[caller].query(text, values) };
}

/** The common practice: apply the same two settings before the statement, and reset them after it. */
export function setPerCheckout({ name, pool }) {
  const tenants = Array.from({ length: TENANTS }, () => randomUUID());
  return {
    name: `${name}, SET per checkout`,
    run: async (caller, text, values) => {
      const client = await pool.connect();
      try {
        await client.query(`SET app.tenant_id = '${tenants[caller % TENANTS]}'; SET search_path = "public", public`);
        const result = await client.query(text, values);
        await client.query('RESET app.tenant_id; RESET search_path');
        return result;
      } finally {
        client.release();
      }
    },
  };
}

/** Without a tenant. */
export function plainStatements({ name, pool }) {
  return { name: `${name}, no tenant`, run: (_caller, text, values) => pool.query(text, values) };
}

function targetOf({ host, port, database, role, password }) {
  const server = { id: 'bench', host, port, tls: 'disable' };
  return { id: 'bench', version: '1', shared: true, server, database, role, password };
}

function configOf({ host, port, database, role, password }) {
  return { host, port, database, user: role, password };
}
