import pg from 'pg';
import { ConnectionPools } from '../../dist/database/pool/connection-pools.js';
import { Flight } from '../../dist/database/statements/flight.js';
import { FlightStatement } from '../../dist/database/statements/flight-statement.js';
import { pipelineOf } from '../../dist/database/statements/query-pipeline.js';
import { stampStatement } from '../../dist/database/statements/stamps/stamp.js';
import { statementRecords } from '../../dist/database/statements/statement-records.js';
import { TenantAccess } from '../../dist/database/statements/tenant-access.js';
import { StampedClient } from '../../dist/database/transactions/stamped-client.js';
import { POOL_CONFIG } from '../pool/contestants.mjs';
import { PgPipeline } from './pg-queue-query.mjs';

export const READ = 'SELECT * FROM orders WHERE id = $1';
const SHARED = { named: true, shared: true, coalesce: true };
const CALLERS = 1_000;

/**
 * A contestant runs a statement on an order of the caller's tenant: `run(caller, id)` reads it under the tenant's own
 * stamp, and a third argument replaces the text and the stamp. `clients` are its connections, where they are known.
 */

/** `QueryPipeline`, without the pool in front of it. */
export async function ourPipeline({ config, stamps, connections }) {
  const clients = await connect(config, connections);
  return {
    name: 'ours: QueryPipeline',
    clients,
    run: (caller, id, { text = READ, stamp = stamps[caller % stamps.length] } = {}) =>
      runQuery(stamp, text, id, (query) => pipelineOf(of(clients, caller)).send(query, SHARED)),
    close: () => closeAll(clients),
  };
}

/** The same with all that the application puts in front of it: the guard, the fair queue, limits, statistics. */
export function ourPool({ config, stamps, connections }) {
  const { host, port, user: role, ...rest } = config;
  const server = { id: 'bench', host, port, tls: 'disable' };
  const pools = new ConnectionPools({ pool: { ...POOL_CONFIG, enabled: true, size: connections } });
  const pool = pools.get({ id: 'bench', version: '1', shared: true, server, role, ...rest });
  const share = { maxConcurrent: 1_000, maxQueued: 1_000 };
  const accesses = stamps.map((stamp) => new TenantAccess(pool, stamp, share));
  const callers = Array.from({ length: CALLERS }, (_, n) => new StampedClient(accesses[n % stamps.length]));
  return {
    name: 'ours: pool and client',
    run: (caller, id, { text = READ, stamp } = {}) =>
      (stamp ? new StampedClient(new TenantAccess(pool, stamp, share)) : callers[caller]).query(text, [id]),
    close: () => pools.close(5_000),
  };
}

/** Stamp and statement under one `Sync`, as ours, in node-postgres' queue. */
export async function pgQueue({ config, stamps, connections }, { coalesce = false } = {}) {
  const clients = await connect({ ...config, pipeline: true }, connections);
  const pipelines = clients.map((client) => new PgPipeline(client, coalesce));
  return {
    name: `pipeline: subclass of Query${coalesce ? ', writes joined' : ''}`,
    clients,
    run: (caller, id, { text = READ, stamp = stamps[caller % stamps.length] } = {}) =>
      runQuery(stamp, text, id, (query) => of(pipelines, caller).send(query)),
    close: () => closeAll(clients),
  };
}

/** Four queries at once; each has its own `Sync`, and the transaction holds the stamp. */
export async function pgTransactions({ config, stamps, connections }) {
  const clients = await connect({ ...config, pipeline: true }, connections);
  return {
    name: 'pipeline: BEGIN … COMMIT',
    clients,
    run: async (caller, id, { text = READ, stamp = stamps[caller % stamps.length] } = {}) => {
      const client = of(clients, caller);
      const queries = ['BEGIN', namedStamp(stamp), named(text, id), 'COMMIT'].map((query) => client.query(query));
      return (await Promise.all(queries))[2];
    },
    close: () => closeAll(clients),
  };
}

/** Two queries at once; the stamp holds until the next one replaces it. */
export async function pgSessionStamps({ config, stamps, connections }) {
  const clients = await connect({ ...config, pipeline: true }, connections);
  return {
    name: 'pipeline: session stamps',
    clients,
    run: async (caller, id, { text = READ, stamp = stamps[caller % stamps.length] } = {}) => {
      const client = of(clients, caller);
      const queries = [namedStamp(stamp, 'session'), named(text, id)].map((query) => client.query(query));
      return (await Promise.all(queries))[1];
    },
    close: () => closeAll(clients),
  };
}

/** The floor: one query after the other, on a connection of its own. */
export async function pgPool({ config, stamps, connections }) {
  const pool = new pg.Pool({ ...config, max: connections });
  pool.on('error', () => undefined); // end() does not wait for the connections to close
  return {
    name: 'pg.Pool: BEGIN … COMMIT',
    run: async (caller, id, { text = READ, stamp = stamps[caller % stamps.length] } = {}) => {
      const client = await pool.connect();
      try {
        await client.query('BEGIN');
        await client.query(namedStamp(stamp));
        const result = await client.query(named(text, id));
        await client.query('COMMIT');
        return result;
      } catch (error) {
        await client.query('ROLLBACK');
        throw error;
      } finally {
        client.release();
      }
    },
    close: () => pool.end(),
  };
}

function runQuery(stamp, text, id, send) {
  const record = statementRecords.get(text) ?? statementRecords.add(text);
  return new Promise((resolve, reject) => {
    const statement = new FlightStatement({ text, values: [id] }, record);
    const onComplete = (error) =>
      typeof error === 'symbol' ? undefined : error ? reject(error) : resolve(statement.result);
    send(new Flight({ stamp }, [statement], onComplete));
  });
}

function namedStamp(stamp, scope = 'transaction') {
  return { name: 'stamp', ...stampStatement(stamp, scope) };
}

function named(text, id) {
  return { name: text === READ ? 'read' : 'write', text, values: [id] };
}

function of(all, caller) {
  return all[caller % all.length];
}

function connect(config, count) {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const client = new pg.Client(config);
      client.on('error', () => undefined);
      await client.connect();
      return client;
    }),
  );
}

function closeAll(clients) {
  return Promise.all(clients.map((client) => client.end()));
}
