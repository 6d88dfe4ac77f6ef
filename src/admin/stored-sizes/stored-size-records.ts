import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { Isolation } from '../../catalog/model/tenant.js';
import type { StoredSize } from '../../database/sizes/measure-tables.js';
import { parseSlugOrId } from '../../http/input/slug-or-id.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';
import { NotFoundError } from '../../platform/errors/request.errors.js';
import { USAGE_COLUMNS } from '../../tenant/usage/usage-batches.js';
import type { StoredSizeView } from './stored-size.schemas.js';

/** Where tenants' rows are. */
export interface Place {
  readonly targetId: string;
  readonly schema: string;
}

/** A tenant whose rows are at a place. */
export interface PlacedTenant extends Place {
  readonly id: string;
  readonly isolation: Isolation;
}

/** What was measured of a place. A tenant that is not in it has nothing there. */
export interface MeasuredPlace {
  readonly sizes: ReadonlyMap<string, StoredSize>;
  readonly isEstimated: boolean;
}

/** Rows of one statement. */
const MAX_ROWS = 5_000;
const NO_TENANT = '00000000-0000-0000-0000-000000000000';

const PLACES = `
  SELECT DISTINCT target_id AS "targetId", schema_name AS schema FROM tenants
  WHERE target_id IS NOT NULL AND schema_name IS NOT NULL AND status <> 'deleting'
    AND ($1::uuid IS NULL OR (target_id, schema_name) > ($1, $2::text))
  ORDER BY 1, 2 LIMIT $3`;

const TENANTS = `
  SELECT id FROM tenants WHERE target_id = $1 AND schema_name = $2 AND id > $3::uuid AND ($4::uuid IS NULL OR id = $4)
  ORDER BY id LIMIT ${MAX_ROWS}`;

/**
 * A row of usage is added for what has changed, and each day for what has not, so that idle tenants cost a row per day. Estimates change all
 * the time. The share lock keeps the hour open until the end, as that of a batch of usage.
 */
const WRITE = `
  WITH open AS (SELECT closed_until FROM usage_closing FOR SHARE),
  measured AS (
    SELECT m.*, NOT $6::boolean AND s.bytes IS DISTINCT FROM m.bytes
             OR date_trunc('day', s.measured_at, 'UTC') IS DISTINCT FROM date_trunc('day', now(), 'UTC') AS is_news
    FROM unnest($1::uuid[], $2::float8[], $3::float8[]) AS m (tenant_id, bytes, rows)
      JOIN tenants t ON t.id = m.tenant_id AND t.target_id = $4 AND t.schema_name = $5
      LEFT JOIN stored_sizes s ON s.tenant_id = m.tenant_id
  ), kept AS (
    INSERT INTO stored_sizes (tenant_id, bytes, rows, is_estimated, measured_at, took_ms)
    SELECT tenant_id, bytes, rows, $6, now(), $7 FROM measured ORDER BY tenant_id
    ON CONFLICT (tenant_id) DO UPDATE SET bytes = EXCLUDED.bytes, rows = EXCLUDED.rows, is_estimated = EXCLUDED.is_estimated,
      measured_at = EXCLUDED.measured_at, took_ms = EXCLUDED.took_ms, wanted_at = NULL
  )
  INSERT INTO usage_hours (hour, tenant_id, ${USAGE_COLUMNS.join(', ')}, stored_bytes)
  SELECT greatest(date_trunc('hour', now(), 'UTC'), open.closed_until), tenant_id, ${USAGE_COLUMNS.map(() => '0').join(', ')}, bytes
  FROM measured, open WHERE is_news AND $8::boolean ORDER BY tenant_id
  ON CONFLICT (hour, tenant_id) DO UPDATE SET stored_bytes = EXCLUDED.stored_bytes`;

const VIEW = `
  SELECT t.slug AS tenant, s.bytes::float8 AS bytes, s.rows::float8 AS rows, coalesce(s.is_estimated, false) AS "isEstimated",
         s.measured_at AS "measuredAt"
  FROM tenants t LEFT JOIN stored_sizes s ON s.tenant_id = t.id`;

/** One that fails is not tried again until it is wanted again. */
const TAKE_WANTED = `
  UPDATE stored_sizes SET wanted_at = NULL
  WHERE tenant_id = (SELECT tenant_id FROM stored_sizes WHERE wanted_at IS NOT NULL ORDER BY wanted_at LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING tenant_id`;

/** What tenants have stored, in the catalog. */
@Injectable()
export class StoredSizeRecords {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(APP_CONFIG) private readonly config: { readonly features: Pick<AppConfig['features'], 'usage'> },
  ) {}

  /** @throws NotFoundError */
  async read(slugOrId: string): Promise<StoredSizeView> {
    const named = parseSlugOrId(slugOrId);
    const [row] = await this.catalog.query<
      (Omit<StoredSizeView, 'measuredAt'> & { readonly measuredAt: Date | null })[]
    >(`${VIEW} WHERE ${'id' in named ? 't.id' : 't.slug'} = $1`, [Object.values(named)[0]]);
    if (!row) throw new NotFoundError('tenant', slugOrId);
    return { ...row, measuredAt: row.measuredAt?.toISOString() ?? null };
  }

  /** Places with tenants, in order. @param after the last one of the page before */
  async places(after: Place | undefined, limit: number): Promise<Place[]> {
    return this.catalog.query<Place[]>(PLACES, [after?.targetId, after?.schema, limit]);
  }

  /** @throws NotFoundError, also for a tenant that has no place yet */
  async placed(slugOrId: string): Promise<PlacedTenant> {
    const named = parseSlugOrId(slugOrId);
    const [tenant] = await this.catalog.query<PlacedTenant[]>(
      `SELECT id, isolation, target_id AS "targetId", schema_name AS schema FROM tenants
       WHERE ${'id' in named ? 'id' : 'slug'} = $1 AND target_id IS NOT NULL AND schema_name IS NOT NULL`,
      [Object.values(named)[0]],
    );
    if (!tenant) throw new NotFoundError('tenant', slugOrId);
    return tenant;
  }

  /**
   * Writes what was measured for every tenant of the place that is still there.
   *
   * @param only the tenant that was measured alone, which has taken `tookMs`
   */
  async write(
    place: Place,
    measured: MeasuredPlace,
    only?: { readonly id: string; readonly tookMs: number },
  ): Promise<void> {
    const { targetId, schema } = place;
    for (let after = NO_TENANT; ;) {
      const tenants = await this.catalog.query<{ id: string }[]>(TENANTS, [targetId, schema, after, only?.id]);
      const ids = tenants.map(({ id }) => id);
      const bytes = ids.map((id) => measured.sizes.get(id)?.bytes ?? 0);
      const rows = ids.map((id) => measured.sizes.get(id)?.rows ?? 0);
      const { usage } = this.config.features;
      const tookMs = Math.round(only?.tookMs ?? 0);
      await this.catalog.query(WRITE, [ids, bytes, rows, targetId, schema, measured.isEstimated, tookMs, usage]);
      const last = ids.at(-1);
      if (last === undefined || ids.length < MAX_ROWS) return;
      after = last;
    }
  }

  /** The tenant whose measurement is wanted for the longest time; no other instance gets the same. */
  async takeWanted(): Promise<string | undefined> {
    const [rows] = await this.catalog.query<[{ tenant_id: string }[], number]>(TAKE_WANTED);
    return rows[0]?.tenant_id;
  }
}
