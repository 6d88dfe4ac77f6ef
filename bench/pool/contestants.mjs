import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { ConnectionPools } from '../../dist/database/pool/connection-pools.js';
import { createStamp } from '../../dist/database/statements/stamp.js';
import { StampedClient } from '../../dist/database/transactions/stamped-client.js';
import { TenantAccess } from '../../dist/database/statements/tenant-access.js';

/** Connections of every pool here. */
export const POOL_SIZE = 10;
/** Callers belong to tenants in turn, all of whom share one target. */
const TENANTS = 32;
/** The defaults of the environment, but for the overflow: pg.Pool has none. */
const POOL_CONFIG = {
  size: POOL_SIZE,
  maxOverflow: 0,
  recycleSeconds: 3600,
  timeoutMs: 30_000,
  connectTimeoutMs: 5_000,
  statementTimeoutMs: 30_000,
  serverMaxConnections: 90,
  leaseWarningMs: 60_000,
};
/** What our pool promises of every wait and statement, where node-postgres can promise it too. */
const SAME_DEADLINES = {
  connectionTimeoutMillis: POOL_CONFIG.timeoutMs,
  statement_timeout: POOL_CONFIG.statementTimeoutMs,
  query_timeout: POOL_CONFIG.statementTimeoutMs + 5_000,
};

/**
 * A contestant lends connections: `get(caller)` resolves with one, `clientOf` is its node-postgres client, `put` gives it
 * back, and resolves once that is done where it takes time. `close` ends everything.
 */

/** Ours, as the application uses it: through the handle that `ConnectionPools` gives out. */
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
    get: (caller) => accesses[caller % TENANTS].acquireForStatement(),
    clientOf: (lent) => lent.client,
    put: (lent) => lent.release(),
    close: () => pools.close(5_000),
  };
}

/** A connection of one's own each time, opened and closed in order. */
export function directClients(server) {
  const config = configOf(server);
  return {
    name: 'pg.Client each time',
    get: async () => {
      const client = new pg.Client(config);
      await client.connect();
      return client;
    },
    clientOf: (client) => client,
    put: (client) => client.end(),
    close: async () => {},
  };
}

/** pg.Pool as it comes. */
export function barePool(server) {
  return pgPool('bare pg.Pool', configOf(server));
}

/** pg.Pool with the deadlines that ours has: of a wait, of a statement at the server, of a statement at the client. */
export function poolWithDeadlines(server) {
  return pgPool('pg.Pool + deadlines', { ...configOf(server), ...SAME_DEADLINES });
}

function pgPool(name, config) {
  const pool = new pg.Pool({ ...config, max: POOL_SIZE });
  return {
    name,
    pool,
    get: () => pool.connect(),
    clientOf: (client) => client,
    put: (client) => client.release(),
    close: () => {
      pool.on('error', () => undefined); // it does not wait for its connections, which the server may end first
      return pool.end();
    },
  };
}

/** A stamped client for each caller over our pool: what TypeORM's query runner holds. */
export function stampedClients({ accesses }) {
  const clients = Array.from({ length: 1_000 }, (_, caller) => new StampedClient(accesses[caller % TENANTS]));
  return { name: 'our pool, stamped', run: (caller, text, values) => clients[caller].query(text, values) };
}

/** What the field does: the same two settings before the statement, and taken back after it. */
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

/** No tenant at all. */
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
