import type pg from 'pg';
import type { ServerEntity } from '../../catalog/entities/server.entity.js';
import { SERVER_FACTS, type ServerFacts } from '../../catalog/server-facts.js';
import type { ServerOwner } from '../../catalog/server-owner.js';
import type { PoolOptions } from '../../database/pool/pool-options.js';
import { queryServer } from './query-server.js';
import { reasonOf } from '../../platform/errors/reason-of.js';

/** A server's own facts, read with its owner role. */
interface MeasuredServer extends ServerFacts {
  readonly max_connections: number;
  /** Part of `max_connections` that is reserved for superusers and monitoring. */
  readonly reserved: number;
  readonly used: number;
  /** The server's clock minus ours, in ms, less the uncertainty of half a round trip; positive when it is ahead. */
  readonly clock_ahead_ms: number;
}

/** A server of the catalog, with the number of instances that it lends connections to. */
export interface UsedServer extends ServerEntity {
  readonly instances: number;
}

/** A server of the catalog, with its facts, or the problem that prevented reading them. */
export interface ServerState {
  readonly server: UsedServer;
  readonly facts: MeasuredServer | undefined;
  readonly problem: string | undefined;
}

// `reserved_connections` came with PostgreSQL 16.
const FACTS = `
  SELECT ${SERVER_FACTS},
         current_setting('max_connections')::int AS max_connections,
         current_setting('superuser_reserved_connections')::int
           + coalesce(current_setting('reserved_connections', true), '0')::int AS reserved,
         (SELECT count(*)::int FROM pg_stat_activity WHERE backend_type = 'client backend') AS used
  FROM pg_roles WHERE rolname = current_user`;

/** Reads a server's facts over one connection with its owner role. Never throws. */
export async function readServerState(
  server: UsedServer,
  owner: ServerOwner,
  options: PoolOptions,
): Promise<ServerState> {
  try {
    const facts = await queryServer(owner.of(server), options, async (client) => {
      const { rows } = await client.query<Omit<MeasuredServer, 'clock_ahead_ms'>>(FACTS);
      return rows[0] && { ...rows[0], clock_ahead_ms: await clockAheadMs(client) };
    });
    return { server, facts, problem: facts ? undefined : 'pg_roles does not list the connected role' };
  } catch (error) {
    return { server, facts: undefined, problem: reasonOf(error) };
  }
}

const ROUNDS = 3;

/** Uses the fastest of a few rounds: when the server read its clock is known to half the round trip. */
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
  const certainDifferenceMs = Math.max(0, Math.abs(best.aheadMs) - best.tookMs / 2);
  return Math.round(certainDifferenceMs) * Math.sign(best.aheadMs);
}
