import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { OperationTenantEntity } from '../../catalog/entities/operation-tenant.entity.js';
import type { OperationFailure } from '../../catalog/entities/operation.entity.js';
import { HAS_TABLES } from '../fleet-migrations/fleet-sql.js';
import type { ReferencePlace } from '../reference-rows/reference-rows.js';

/** A set of tables that lacks a version. */
export interface PlaceBehind extends ReferencePlace {
  readonly serverId: string;
}

export interface UnitOutcome {
  readonly operationId: string;
  /** The version before, and afterwards. */
  readonly from: number;
  readonly to: number;
  readonly durationMs: number;
  readonly failure: OperationFailure | null;
  /** The tenants whose rows are the reason; none: it concerns all of them. */
  readonly causedBy: readonly string[];
}

/** The sets of tables that tenants have, and the version of a table ($1) in each. */
const PLACES = `
  SELECT t.target_id, t.schema_name, min(t.slug) AS slug, coalesce(p.version, 0) AS version, p.error,
         array_agg(t.id) AS tenant_ids
  FROM tenants t
  LEFT JOIN reference_places p ON p.table_name = $1 AND p.target_id = t.target_id AND p.schema_name = t.schema_name
  WHERE ${HAS_TABLES}
  GROUP BY t.target_id, t.schema_name, p.version, p.error`;

/** Those behind $2 that operation $3 has not failed for, on other servers than $4. */
const DUE = `
  WITH places AS (${PLACES})
  SELECT p.target_id AS "targetId", p.schema_name AS schema, c.server_id AS "serverId"
  FROM places p JOIN connection_targets c ON c.id = p.target_id
  WHERE p.version < $2 AND c.server_id <> ALL ($4::uuid[]) AND NOT EXISTS (
    SELECT FROM operation_tenants r WHERE r.operation_id = $3 AND r.tenant_id = ANY (p.tenant_ids) AND r.status = 'failed')
  ORDER BY row_number() OVER (PARTITION BY c.server_id ORDER BY p.slug), c.server_id LIMIT $5`;

const COUNTS = `
  WITH places AS (${PLACES}), judged AS (
    SELECT p.version >= $2 AS has_it, EXISTS (SELECT FROM operation_tenants r WHERE r.operation_id = $3
      AND r.tenant_id = ANY (p.tenant_ids) AND r.status = 'failed') AS is_refused FROM places p
  )
  SELECT (count(*) FILTER (WHERE has_it))::int AS applied,
         (count(*) FILTER (WHERE NOT has_it AND is_refused))::int AS refused,
         (count(*) FILTER (WHERE NOT has_it AND NOT is_refused))::int AS away FROM judged`;

const RECORD = `
  INSERT INTO operation_tenants AS r (operation_id, tenant_id, slug, status, error, from_version, to_version, duration_ms)
  SELECT $1, t.id, t.slug, CASE WHEN $7::jsonb IS NULL THEN 'succeeded' ELSE 'failed' END,
    CASE WHEN $8::uuid[] = '{}' OR t.id = ANY ($8) THEN $7::jsonb ELSE $9 END, $4, $5, $6
  FROM tenants t WHERE t.target_id = $2 AND t.schema_name = $3 AND ${HAS_TABLES}
  ON CONFLICT (operation_id, tenant_id) DO UPDATE SET status = excluded.status, error = excluded.error,
    to_version = excluded.to_version, duration_ms = excluded.duration_ms, finished_at = excluded.finished_at`;

const OF_OTHERS = "they are not this tenant's, but in the same tables";

/** Tenants of places that are still behind at the end of an operation. */
const RECORD_AWAY = `
  WITH places AS (${PLACES})
  INSERT INTO operation_tenants (operation_id, tenant_id, slug, status, error, from_version, to_version, duration_ms)
  SELECT $3, t.id, t.slug, 'failed', coalesce(p.error, $4::jsonb), p.version::text, p.version::text, 0
  FROM places p JOIN tenants t ON t.id = ANY (p.tenant_ids) WHERE p.version < $2
  ON CONFLICT (operation_id, tenant_id) DO NOTHING`;

/** One of each server, so that a table can be looked at while another server is away. */
const SAMPLES = `
  SELECT DISTINCT ON (c.server_id) t.target_id AS "targetId", t.schema_name AS schema, c.server_id AS "serverId"
  FROM tenants t JOIN connection_targets c ON c.id = t.target_id WHERE ${HAS_TABLES}
  ORDER BY c.server_id, substring(t.schema_version from '[0-9]{13}$') DESC LIMIT 5`;

const TABLES = `
  SELECT v.table_name AS "table", v.version, v.row_count AS rows, v.checksum, v.published_at AS "publishedAt",
         v.published_by AS "publishedBy" FROM reference_versions v WHERE v.rows IS NOT NULL ORDER BY v.table_name`;

const STATE = `
  WITH places AS (${PLACES}), behind AS (
    SELECT s.name AS server, c.database, p.schema_name AS schema, p.version, p.error ->> 'message' AS error
    FROM places p JOIN connection_targets c ON c.id = p.target_id JOIN servers s ON s.id = c.server_id
    WHERE p.version < $2 ORDER BY s.name, c.database, p.schema_name
  )
  SELECT (SELECT count(*) FROM places)::int AS places, (SELECT count(*) FROM behind)::int AS behind,
    (SELECT coalesce(jsonb_agg(b), '[]') FROM (SELECT * FROM behind LIMIT 20) b) AS "placesBehind"`;

export interface PublishedTable {
  readonly table: string;
  readonly version: number;
  readonly rows: number;
  readonly checksum: string;
  readonly publishedAt: Date;
  readonly publishedBy: string;
}

/** How many sets of tables have the newest version of a table, and the first ones that have not. */
export interface TableState {
  readonly places: number;
  readonly behind: number;
  readonly placesBehind: readonly {
    readonly server: string;
    readonly database: string;
    readonly schema: string;
    readonly version: number;
    readonly error: string | null;
  }[];
}

type Queryable = Pick<EntityManager, 'query'>;

/** The published tables with their state; for checks that have a catalog and no application, too. */
export async function readReferenceTables(catalog: Queryable): Promise<(PublishedTable & TableState)[]> {
  const tables = await catalog.query<PublishedTable[]>(TABLES);
  const read: (PublishedTable & TableState)[] = [];
  for (const table of tables) {
    const [state] = await catalog.query<[TableState]>(STATE, [table.table, table.version]);
    read.push({ ...table, ...state });
  }
  return read;
}

/** Sets of tables and the versions in them, as the catalog knows them. */
@Injectable()
export class ReferencePlaces {
  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  samples(): Promise<PlaceBehind[]> {
    return this.catalog.query<PlaceBehind[]>(SAMPLES);
  }

  due(
    { table, version }: { readonly table: string; readonly version: number },
    operationId: string,
    { away, limit }: { readonly away: readonly string[]; readonly limit: number },
  ): Promise<PlaceBehind[]> {
    return this.catalog.query<PlaceBehind[]>(DUE, [table, version, operationId, away, limit]);
  }

  async counts(
    { table, version }: { readonly table: string; readonly version: number },
    operationId: string,
  ): Promise<{ applied: number; refused: number; away: number }> {
    const [counts] = await this.catalog.query<[{ applied: number; refused: number; away: number }]>(COUNTS, [
      ...[table, version, operationId],
    ]);
    return counts;
  }

  async finished({ targetId, schema }: ReferencePlace, outcome: UnitOutcome): Promise<void> {
    const { operationId, from, to, durationMs, failure, causedBy } = outcome;
    await this.catalog.query(RECORD, [
      ...[operationId, targetId, schema, String(from), String(to), durationMs],
      failure && JSON.stringify(failure),
      ...[causedBy, failure && JSON.stringify({ ...failure, message: `${failure.message}: ${OF_OTHERS}` })],
    ]);
  }

  async recordAway(
    catalog: Queryable,
    { table, version }: { readonly table: string; readonly version: number },
    operationId: string,
    failure: OperationFailure,
  ): Promise<void> {
    await catalog.query(RECORD_AWAY, [table, version, operationId, JSON.stringify(failure)]);
  }

  async forgetFailures(catalog: EntityManager, operationId: string): Promise<void> {
    await catalog.delete(OperationTenantEntity, { operationId, status: 'failed' });
  }
}
