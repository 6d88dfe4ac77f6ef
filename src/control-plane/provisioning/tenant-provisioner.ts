import { randomBytes, randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { CATALOG_TARGET, DEFAULT_SERVER } from '../../catalog/catalog-target.js';
import { ConnectionTargetEntity, targetPasswordPlace } from '../../catalog/entities/connection-target.entity.js';
import { ServerEntity } from '../../catalog/entities/server.entity.js';
import { TenantEntity, toTenant } from '../../catalog/entities/tenant.entity.js';
import { ServerOwner } from '../../catalog/server-owner.js';
import { isSlug } from '../../catalog/slug.js';
import type { Isolation, Tenant, TenantLimits } from '../../catalog/tenant.js';
import { APP_CONFIG, type AppConfig } from '../../config/app-config.js';
import { withOwner } from '../../database/migration/owner-connection.js';
import { migrateTenantTables } from '../../database/migration/tenant-migrations.js';
import type { ConnectionTarget } from '../../database/pool/connection-target.js';
import { type PoolOptions, poolOptions } from '../../database/pool/pool-options.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/tenant-schema.js';
import { ConflictError, NotFoundError, ValidationFailedError } from '../../errors/request.errors.js';
import { KeyRing } from '../../sealing/key-ring.js';
import { DEDICATED_SCHEMA, dedicatedTargetName, SHARED_SCHEMA, sharedTargetName, tenantSchemaName } from './names.js';
import { ensureDatabase, ensureLoginRole, ensureSchema } from './postgres-objects.js';
import type { ProvisioningObserver } from './provisioning-step.js';

export interface ProvisioningRequest {
  readonly slug: string;
  readonly isolation: Isolation;
  /** Name of the server it shall live on; the catalog's own one by default. */
  readonly server?: string;
  readonly limits?: TenantLimits;
}

/** Where a tenant is being put. */
interface Place {
  readonly tenant: TenantEntity;
  readonly server: ServerEntity;
  readonly target: ConnectionTargetEntity;
  readonly schema: string;
}

/**
 * Creates a tenant with everything it needs: login role, database, schema, tables. What is planned is written to the
 * catalog before it is made, so running it again after a crash at any step completes the same tenant.
 */
@Injectable()
export class TenantProvisioner {
  private readonly logger = new Logger(TenantProvisioner.name);
  private readonly options: PoolOptions;

  constructor(
    @Inject(APP_CONFIG) config: AppConfig,
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(CATALOG_TARGET) private readonly catalogTarget: ConnectionTarget,
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
    private readonly owner: ServerOwner,
    private readonly keyRing: KeyRing,
  ) {
    this.options = poolOptions(config);
  }

  /**
   * The tenant, active. One that is active already is returned as it is.
   *
   * @throws ValidationFailedError, NotFoundError (server), ConflictError (the slug is taken with another isolation)
   */
  async provision(request: ProvisioningRequest, observe: ProvisioningObserver = () => undefined): Promise<Tenant> {
    if (!isSlug(request.slug)) throw new ValidationFailedError([{ field: 'slug', message: 'not a free DNS label' }]);
    const server = await this.findServer(request.server ?? DEFAULT_SERVER);
    return this.exclusively(async () => {
      observe('register-tenant');
      const tenant = await this.register(request);
      if (tenant.status !== 'provisioning') return toTenant(tenant);
      observe('choose-target');
      const place = await this.choosePlace(tenant, server);
      await this.build(place, observe);
      const active = await this.findTenant(tenant.id);
      this.logger.log(`Tenant ${active.slug} is provisioned (${active.isolation}, database ${place.target.database})`);
      return toTenant(active);
    });
  }

  private async build({ tenant, server, target, schema }: Place, observe: ProvisioningObserver): Promise<void> {
    const { role, database } = target;
    const password = this.keyRing.open(target.passwordSealed, targetPasswordPlace(target.id));
    observe('create-role');
    await withOwner(this.owner.of(server), this.options, (client) => ensureLoginRole(client, target, password));
    observe('create-database');
    await withOwner(this.owner.of(server), this.options, (client) => ensureDatabase(client, database, role));
    const owner = this.owner.of(server, database);
    observe('create-schema');
    await withOwner(owner, this.options, (client) => ensureSchema(client, schema));
    observe('migrate');
    const schemaVersion = await migrateTenantTables({ owner, schema, role }, this.schema.migrations, this.options);
    observe('activate');
    await this.catalog
      .getRepository(TenantEntity)
      .update({ id: tenant.id, status: 'provisioning' }, { status: 'active', schemaVersion });
    observe('done');
  }

  private async register({ slug, isolation, limits = {} }: ProvisioningRequest): Promise<TenantEntity> {
    const tenants = this.catalog.getRepository(TenantEntity);
    const existing = await tenants.findOneBy({ slug });
    if (existing && existing.isolation !== isolation) {
      throw new ConflictError('the slug belongs to a tenant of another isolation');
    }
    if (existing) return existing;
    const id = randomUUID();
    await tenants.insert({ id, slug, isolation, limits, status: 'provisioning', version: 1 });
    return this.findTenant(id);
  }

  private async choosePlace(tenant: TenantEntity, server: ServerEntity): Promise<Place> {
    const target = await this.ensureTarget(tenant, server);
    const schema = tenant.schema ?? schemaName(tenant);
    await this.catalog.getRepository(TenantEntity).update(tenant.id, { targetId: target.id, schema });
    return { tenant, server, target, schema };
  }

  /** The target that was chosen before a crash, the server's shared one, or a new one, recorded before it is made. */
  private async ensureTarget(tenant: TenantEntity, server: ServerEntity): Promise<ConnectionTargetEntity> {
    const targets = this.catalog.getRepository(ConnectionTargetEntity);
    const shared = tenant.isolation !== 'database';
    const name = shared
      ? sharedTargetName(this.catalogTarget.database)
      : dedicatedTargetName(this.catalogTarget.database, tenant.slug, tenant.id);
    const existing = await targets.findOneBy({ serverId: server.id, database: name });
    if (existing) return existing;
    const id = randomUUID();
    await targets.insert({
      id,
      serverId: server.id,
      kind: shared ? 'shared' : 'dedicated',
      database: name,
      role: name,
      passwordSealed: this.keyRing.seal(randomBytes(24).toString('base64url'), targetPasswordPlace(id)),
      version: 1,
    });
    return targets.findOneByOrFail({ id });
  }

  /** One provisioning at a time, over all instances: two at once could both make the shared database. */
  private exclusively<T>(work: () => Promise<T>): Promise<T> {
    return withOwner(this.catalogTarget, this.options, async (client) => {
      await client.query('SELECT pg_advisory_lock(hashtext($1))', ['tenantry provisioning']);
      return work();
    });
  }

  private async findServer(name: string): Promise<ServerEntity> {
    const server = await this.catalog.getRepository(ServerEntity).findOneBy({ name });
    if (!server) throw new NotFoundError('server');
    return server;
  }

  private findTenant(id: string): Promise<TenantEntity> {
    return this.catalog.getRepository(TenantEntity).findOneByOrFail({ id });
  }
}

function schemaName({ isolation, slug, id }: TenantEntity): string {
  switch (isolation) {
    case 'row':
      return SHARED_SCHEMA;
    case 'schema':
      return tenantSchemaName(slug, id);
    case 'database':
      return DEDICATED_SCHEMA;
  }
}
