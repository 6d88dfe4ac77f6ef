import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { serverLimit } from '../../catalog/instances/server-limit.js';
import { LOAD_HOURS } from './fleet-scale.js';
import type { PlacementServer } from './server-choice.js';

/** Times change slowly, and summing them up for many tenants takes a moment. */
const KEPT_MS = 5 * 60_000;

/**
 * What changes with each placement. A tenant on its way counts on both servers: it may still be moved back. Bytes are summed up by where
 * tenants are now: with sums that are kept, those of a switched tenant would be missing where they are.
 */
const SERVERS = `
  WITH there AS (
    SELECT c.server_id, count(*) FILTER (WHERE t.spare_server_id IS NULL) AS tenants, sum(b.bytes) AS bytes
    FROM tenants t JOIN connection_targets c ON c.id = t.target_id LEFT JOIN stored_sizes b ON b.tenant_id = t.id GROUP BY 1
  ), planned AS (
    SELECT planned_server_id AS server_id, count(*) AS tenants
    FROM tenants WHERE target_id IS NULL AND planned_server_id IS NOT NULL AND spare_server_id IS NULL GROUP BY 1
  ), on_their_way AS (
    SELECT tenant_id, (input ->> 'serverId')::uuid AS server_id FROM operations
    WHERE status IN ('pending', 'running') AND kind IN ('move', 'restore') AND tenant_id IS NOT NULL
    UNION
    SELECT m.tenant_id, c.server_id FROM moves m JOIN connection_targets c ON c.id IN (m.from_target_id, m.to_target_id)
  ), coming AS (
    SELECT w.server_id, count(*) AS tenants, sum(b.bytes) AS bytes
    FROM on_their_way w JOIN tenants t ON t.id = w.tenant_id LEFT JOIN connection_targets c ON c.id = t.target_id
      LEFT JOIN stored_sizes b ON b.tenant_id = w.tenant_id
    WHERE c.server_id IS DISTINCT FROM w.server_id GROUP BY 1
  ), needed AS (
    SELECT server_id, sum(need) AS connections FROM connection_shares GROUP BY 1
  )
  SELECT s.id, s.name, s.host, s.draining, s.labels, s.max_tenants AS "maxTenants", s.max_bytes::float8 AS "maxBytes",
         ${serverLimit('s')} AS connections, coalesce(needed.connections, 0)::int AS "neededConnections",
         (coalesce(there.tenants, 0) + coalesce(planned.tenants, 0) + coalesce(coming.tenants, 0))::int AS tenants,
         (coalesce(there.bytes, 0) + coalesce(coming.bytes, 0))::float8 AS bytes
  FROM servers s LEFT JOIN there ON there.server_id = s.id LEFT JOIN planned ON planned.server_id = s.id
    LEFT JOIN coming ON coming.server_id = s.id LEFT JOIN needed ON needed.server_id = s.id
  ORDER BY s.name`;

/** In SQL: the hours of usage that stand for the last day. */
export const SAMPLED_HOURS = `date_trunc('hour', now(), 'UTC') - h * interval '1 hour' FROM unnest('{${LOAD_HOURS.join()}}'::int[]) h`;

// Joined before they are summed up: there are few servers, and many tenants.
const TIMES = `
  SELECT c.server_id AS "serverId", sum(u.database_ms) AS "databaseMs"
  FROM usage_hours u JOIN tenants t ON t.id = u.tenant_id JOIN connection_targets c ON c.id = t.target_id
  WHERE u.hour = ANY (ARRAY(SELECT ${SAMPLED_HOURS})) GROUP BY 1`;

interface ServerTime {
  readonly serverId: string;
  readonly databaseMs: number;
}

/** Reads what the choice of a server needs, with two statements, of which one is repeated every few minutes only. */
@Injectable()
export class PlacementFacts {
  private kept: { readonly at: number; readonly times: ReadonlyMap<string, number> } | undefined;

  /** All servers, ordered by name. @param maxAgeMs how old times may be */
  async servers(catalog: EntityManager, maxAgeMs = KEPT_MS): Promise<PlacementServer[]> {
    const times = await this.times(catalog, maxAgeMs);
    const servers = await catalog.query<Omit<PlacementServer, 'databaseMs'>[]>(SERVERS);
    return servers.map((server) => ({ ...server, databaseMs: times.get(server.id) ?? 0 }));
  }

  /** Reads times, unless they are known: called before a lock is taken, that they are not read while it is held. */
  async prepare(catalog: EntityManager): Promise<void> {
    await this.times(catalog, KEPT_MS / 2);
  }

  /** What a tenant has stored, when last measured; 0 before that. */
  async bytesOf(catalog: EntityManager, tenantId: string): Promise<number> {
    const [row] = await catalog.query<{ bytes: number }[]>(
      'SELECT bytes::float8 AS bytes FROM stored_sizes WHERE tenant_id = $1',
      [tenantId],
    );
    return row?.bytes ?? 0;
  }

  private async times(catalog: EntityManager, maxAgeMs: number): Promise<ReadonlyMap<string, number>> {
    const now = performance.now();
    if (this.kept && now - this.kept.at <= maxAgeMs) return this.kept.times;
    const rows = await catalog.query<ServerTime[]>(TIMES);
    const times = new Map(rows.map(({ serverId, databaseMs }) => [serverId, databaseMs]));
    this.kept = { at: now, times };
    return times;
  }
}
