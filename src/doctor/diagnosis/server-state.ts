import type pg from 'pg';
import type { ServerEntity } from '../../catalog/entities/server.entity.js';
import type { ServerOwner } from '../../catalog/server-owner.js';
import type { PoolOptions } from '../../database/pool/pool-options.js';
import { queryServer } from './query-server.js';
import { reasonOf } from './finding.js';

/** What a server says of itself, to its owner. */
export interface ServerFacts {
  readonly version: string;
  readonly version_num: number;
  readonly may_create_databases: boolean;
  readonly may_create_roles: boolean;
  readonly is_standby: boolean;
  readonly max_connections: number;
  /** Of `max_connections`, kept for superusers and monitoring. */
  readonly reserved: number;
  readonly used: number;
  /** Its clock less ours, in ms, as far as that is not the way there and back. */
  readonly clock_ahead_ms: number;
}

/** A server of the catalog, and what it says or why it says nothing. */
export interface ServerState {
  readonly server: ServerEntity;
  readonly facts: ServerFacts | undefined;
  readonly problem: string | undefined;
}

// `reserved_connections` came with PostgreSQL 16.
const FACTS = `
  SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int AS version_num,
         rolsuper OR rolcreatedb AS may_create_databases, rolsuper OR rolcreaterole AS may_create_roles,
         pg_is_in_recovery() AS is_standby, current_setting('max_connections')::int AS max_connections,
         current_setting('superuser_reserved_connections')::int
           + coalesce(current_setting('reserved_connections', true), '0')::int AS reserved,
         (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS used
  FROM pg_roles WHERE rolname = current_user`;

/** All that is asked of a server itself, over one connection as its owner. */
export async function stateOfServer(
  server: ServerEntity,
  owner: ServerOwner,
  options: PoolOptions,
): Promise<ServerState> {
  try {
    const facts = await queryServer(owner.of(server), options, async (client) => {
      const { rows } = await client.query<Omit<ServerFacts, 'clock_ahead_ms'>>(FACTS);
      return rows[0] && { ...rows[0], clock_ahead_ms: await clockAheadMs(client) };
    });
    return { server, facts, problem: facts ? undefined : 'it does not list the role that is connected' };
  } catch (error) {
    return { server, facts: undefined, problem: reasonOf(error) };
  }
}

const ROUNDS = 3;

/** Of a few answers the quickest is the most exact: when it was given is known to half of what it took. */
async function clockAheadMs(client: pg.Client): Promise<number> {
  let best = { tookMs: Infinity, aheadMs: 0 };
  for (let round = 0; round < ROUNDS; round += 1) {
    const before = Date.now();
    const { rows } = await client.query<{ ms: number }>(
      'SELECT (extract(epoch FROM clock_timestamp()) * 1000)::float8 AS ms',
    );
    const tookMs = Date.now() - before;
    if (tookMs < best.tookMs) best = { tookMs, aheadMs: (rows[0]?.ms ?? before) - before - tookMs / 2 };
  }
  const certainMs = Math.max(0, Math.abs(best.aheadMs) - best.tookMs / 2);
  return Math.round(certainMs) * Math.sign(best.aheadMs);
}
