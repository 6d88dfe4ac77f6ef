import { Inject, Injectable } from '@nestjs/common';
import { type DataSource, In } from 'typeorm';
import type { Actor } from '../../catalog/audit/actor.js';
import { AuditLog } from '../../catalog/audit/audit-log.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { TenantDataSources } from '../../database/data-source/tenant-data-sources.js';
import { migrateTables } from '../../database/table-migrations/execution/migrate-tables.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { DatabaseIsolation } from '../isolation/database-isolation.js';
import { Activation } from '../provisioning/activation.js';
import { Placements } from '../provisioning/placements.js';
import { ReferenceRows } from '../reference-rows/reference-rows.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { AdoptionConflictError } from './adoption.errors.js';
import type { AdoptedPlaceOfTenants } from './adopted-places.js';
import type { AdoptionPlan } from './adoption-plan.js';

const MAX_NAMED = 5;

const INSERT = `
  WITH added AS (
    SELECT * FROM unnest($1::uuid[], $2::text[]) AS a (id, slug)
  ), inserted AS (
    INSERT INTO tenants (id, slug, isolation, target_id, schema_name) SELECT id, slug, $3, $4, $5 FROM added
  )
  INSERT INTO audit_log (actor, address, request_id, actor_id, action, subject_kind, subject_id, subject, after)
  SELECT $6, $7, $8, $9::uuid, 'tenant.adopt', 'tenant', id::text, slug, jsonb_build_object('isolation', $3::text, 'schema', $5::text) FROM added`;

/** The catalog's entries of adopted tenants. */
@Injectable()
export class AdoptedTenants {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
    private readonly audit: AuditLog,
    private readonly isolation: DatabaseIsolation,
    private readonly activation: Activation,
    private readonly targets: TargetDatabases,
    private readonly dataSources: TenantDataSources,
    private readonly referenceRows: ReferenceRows,
    private readonly placements: Placements,
  ) {}

  /**
   * Registers the tenants of a place that are not in the catalog yet, runs the application's migrations there, which find the
   * adopted tables, gives reference tables their published rows, and lets the tenants be served.
   *
   * @returns the number of tenants that were registered
   * @throws AdoptionConflictError, and the errors of `migrateTables` and `ReferenceRows.bring`
   */
  async register(
    layout: AdoptionPlan['layout'],
    place: AdoptedPlaceOfTenants,
    target: ConnectionTargetEntity,
    actor: Actor,
  ): Promise<number> {
    const missing = await this.missing(place, target);
    if (missing.length > 0) {
      await this.catalog.query(INSERT, [
        missing.map(({ id }) => id),
        missing.map(({ slug }) => slug),
        ...[layout, target.id, place.schema],
        ...[actor.name, actor.address ?? null, actor.requestId ?? null, actor.id ?? null],
      ]);
    }
    const tenantIds = place.tenants.map(({ id }) => id);
    const waiting = await this.catalog
      .getRepository(TenantEntity)
      .countBy({ id: In(tenantIds), status: 'provisioning' });
    if (waiting === 0) return 0;
    const { migrations, trustedFunctions = [], typeorm } = this.schema;
    const { expectedTables } = this.dataSources;
    const options = { trustedFunctions, namingStrategy: typeorm?.namingStrategy, expectedTables };
    const { version, recorded } = await this.targets.use(target, async (client) => {
      await this.isolation.prepare(client, target);
      const tables = await migrateTables(client, { schema: place.schema, role: target.role }, migrations, options);
      await this.referenceRows.bring(client, { targetId: target.id, schema: place.schema });
      return tables;
    });
    const tables = { version, recorded };
    await this.activation.activate({
      tenantIds,
      targetId: target.id,
      schema: place.schema,
      tables,
    });
    await this.placements.bringReferenceRows(target, place.schema, tables, new AbortController().signal);
    return waiting;
  }

  /** Tenants that the catalog lacks. @throws AdoptionConflictError when it has them elsewhere */
  async missing(
    place: AdoptedPlaceOfTenants,
    target: Pick<ConnectionTargetEntity, 'id'> | undefined,
  ): Promise<AdoptedPlaceOfTenants['tenants']> {
    const tenants = this.catalog.getRepository(TenantEntity);
    const known = await tenants.find({
      where: [{ id: In(place.tenants.map(({ id }) => id)) }, { slug: In(place.tenants.map(({ slug }) => slug)) }],
    });
    const isHere = (tenant: TenantEntity): boolean =>
      tenant.targetId === target?.id &&
      tenant.schema === place.schema &&
      place.tenants.some(({ id }) => id === tenant.id);
    const elsewhere = known.filter((tenant) => !isHere(tenant));
    if (elsewhere.length > 0) {
      const names = elsewhere.slice(0, MAX_NAMED).map(({ slug }) => slug);
      throw new AdoptionConflictError(`the catalog has other tenants of these names or ids: ${names.join(', ')}`);
    }
    return place.tenants.filter(({ id }) => !known.some((tenant) => tenant.id === id));
  }

  /** Whether the catalog has tenants at a place. */
  areRegistered({ schema }: AdoptedPlaceOfTenants, { id }: Pick<ConnectionTargetEntity, 'id'>): Promise<boolean> {
    return this.catalog.getRepository(TenantEntity).existsBy({ targetId: id, schema });
  }

  /**
   * Forgets the tenants of a place; their rows stay.
   *
   * @throws AdoptionConflictError when tenants were created there since
   */
  async forget(place: AdoptedPlaceOfTenants, target: ConnectionTargetEntity, actor: Actor): Promise<void> {
    await this.catalog.transaction(async (catalog) => {
      const here = await catalog.findBy(TenantEntity, { targetId: target.id, schema: place.schema });
      const since = here.filter(({ id }) => !place.tenants.some((tenant) => tenant.id === id));
      if (since.length > 0) {
        const names = since.slice(0, MAX_NAMED).map(({ slug }) => slug);
        throw new AdoptionConflictError(
          `these tenants are not of the existing application: ${names.join(', ')}. Delete them first`,
        );
      }
      for (const { id, slug } of here) {
        await catalog.delete(TenantEntity, id);
        const subject = { subjectKind: 'tenant', subjectId: id, subject: slug } as const;
        await this.audit.record(catalog, { actor, action: 'tenant.adopt-undo', ...subject });
      }
    });
  }
}
