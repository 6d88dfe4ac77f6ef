import { randomBytes, randomUUID } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import type { TenantLimits } from '../../catalog/model/tenant-limits.js';
import type { Isolation } from '../../catalog/model/tenant.js';
import { POLICY_VERSION } from '../../database/isolation/tenant-policies.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { orderedNames } from '../../database/table-migrations/versions/migration-names.js';
import { digestOf } from '../../database/table-migrations/versions/migration-set.js';
import { APP_CONFIG, type AppConfig } from '../../platform/config/app-config.js';

/** A spare tenant that is not ready yet. */
export interface UnfinishedSpare {
  readonly id: string;
  readonly isolation: Isolation;
  readonly serverId: string;
}

interface Claim {
  readonly slug: string;
  readonly isolation: Isolation;
  readonly limits: TenantLimits;
  readonly plan?: string | undefined;
}

/** Sign-ups at the same time skip each other's. The tenant keeps its id, to which stamps and names are bound. */
const CLAIM = `
  UPDATE tenants SET slug = $1, limits = $2, plan = $8, status = $3, spare_server_id = NULL, created_at = now()
  WHERE id = (
    SELECT id FROM tenants
    WHERE spare_server_id = $4 AND isolation = $5 AND status = 'provisioning' AND schema_version IS NOT NULL
      AND migration_set = $6 AND policy_version = $7
    ORDER BY created_at LIMIT 1 FOR UPDATE SKIP LOCKED)
  RETURNING id`;

/** Wanted places, by server and isolation, with the number of tenants that they lack. A server gets no more than it has room for. */
const MISSING = `
  SELECT s.id AS "serverId", w.isolation, (least(w.count, s.max_tenants - (
      SELECT count(*) FROM tenants t JOIN connection_targets c ON c.id = t.target_id
      WHERE c.server_id = s.id AND t.spare_server_id IS NULL)) - (
      SELECT count(*) FROM tenants t
      WHERE t.spare_server_id = s.id AND t.isolation = w.isolation AND t.status = 'provisioning'))::int AS count
  FROM unnest($1::text[], $2::text[], $3::int[]) AS w (isolation, server, count)
  JOIN servers s ON s.name = w.server AND NOT s.draining`;

const UNFINISHED = `
  SELECT id, isolation, spare_server_id AS "serverId" FROM tenants
  WHERE spare_server_id IS NOT NULL AND status = 'provisioning' AND schema_version IS NULL ORDER BY created_at, id`;

/** Tenants that are provisioned ahead, in the catalog: they have tables, no customer, and are never served. */
@Injectable()
export class SpareTenants {
  private readonly set: string;

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(APP_CONFIG) private readonly config: AppConfig,
    @Inject(TENANT_SCHEMA) { migrations }: TenantSchema,
  ) {
    this.set = digestOf(orderedNames(migrations));
  }

  /** Whether any are wanted. */
  get areWanted(): boolean {
    return this.config.spareTenants.length > 0;
  }

  /**
   * Makes a spare tenant whose tables this code would create the one that is asked for. Returns its id; undefined when none is
   * ready.
   *
   * @param status until the rest of its provisioning has run
   */
  async claim(
    catalog: EntityManager,
    serverId: string,
    { slug, isolation, limits, plan }: Claim,
    status: 'active' | 'provisioning',
  ): Promise<string | undefined> {
    if (isolation === 'row') return undefined;
    const values = [slug, JSON.stringify(limits), status, serverId, isolation, this.set, POLICY_VERSION, plan ?? null];
    const [rows] = await catalog.query<[{ id: string }[], number]>(CLAIM, values);
    return rows[0]?.id;
  }

  /** How many tenants are to be added. */
  async countMissing(): Promise<number> {
    return (await this.missing(this.catalog.manager)).reduce((sum, { count }) => sum + Math.max(0, count), 0);
  }

  /** Adds the tenants that are missing; nothing of them is created yet. */
  async addMissing(): Promise<void> {
    await this.catalog.transaction(async (catalog) => {
      for (const { serverId, isolation, count } of await this.missing(catalog)) {
        const rows = Array.from({ length: Math.max(0, count) }, () => newSpare(serverId, isolation));
        await catalog.insert(TenantEntity, rows);
      }
    });
  }

  unfinished(): Promise<UnfinishedSpare[]> {
    return this.catalog.query<UnfinishedSpare[]>(UNFINISHED);
  }

  private missing(catalog: EntityManager): Promise<(Omit<UnfinishedSpare, 'id'> & { readonly count: number })[]> {
    const { spareTenants: wanted } = this.config;
    const columns = [wanted.map((w) => w.isolation), wanted.map((w) => w.server), wanted.map((w) => w.count)];
    return catalog.query(MISSING, columns);
  }
}

/** Its slug is a placeholder until a sign-up gives it the customer's. */
function newSpare(spareServerId: string, isolation: Isolation) {
  const slug = `spare-${randomBytes(6).toString('hex')}`;
  return { id: randomUUID(), slug, isolation, spareServerId, limits: {}, status: 'provisioning' as const, version: 1 };
}
