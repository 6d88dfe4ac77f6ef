import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import type { OperationRun, OperationStep } from '../../operations/operation-kind.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { Activation } from './activation.js';
import { schemaNameOf } from './names.js';
import { Placements } from './placements.js';

/** What the input of an operation has that provisions a tenant. */
export interface ProvisioningInput {
  readonly serverId: string;
}

type Run = OperationRun<ProvisioningInput>;

/** Where a tenant is being provisioned. */
interface Location {
  readonly target: ConnectionTargetEntity;
  readonly schema: string;
}

/**
 * What operations have in common that make one new tenant, whatever its first rows are. Names and passwords are written to
 * the catalog before anything is created, so that each step can run again after a crash at any point.
 */
@Injectable()
export class ProvisioningSteps {
  /** Login role, database, schema, tables. */
  readonly creation: readonly OperationStep<ProvisioningInput>[] = [
    { name: 'choose-target', run: (run) => this.chooseTarget(run) },
    { name: 'create-role', run: (run) => this.createRole(run) },
    { name: 'create-database', run: (run) => this.createDatabase(run) },
    { name: 'create-schema', run: (run) => this.createSchema(run) },
    { name: 'migrate', run: (run) => this.migrate(run) },
  ];

  /** From then on the tenant is served. */
  readonly activation: OperationStep<ProvisioningInput> = { name: 'activate', run: (run) => this.activate(run) };

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly targets: TargetDatabases,
    private readonly placements: Placements,
    private readonly tenantActivation: Activation,
  ) {}

  /** For `onFailed` and `onCancelled` of the kind. */
  async fail(catalog: EntityManager, { tenantId }: OperationEntity): Promise<void> {
    await catalog.update(TenantEntity, { id: tenantId ?? '', status: 'provisioning' }, { status: 'failed' });
  }

  /** For `onRetried` of the kind. @throws ConflictError when the tenant was deleted since, or is served */
  async retry(catalog: EntityManager, { tenantId }: OperationEntity): Promise<void> {
    const { affected } = await catalog.update(
      TenantEntity,
      { id: tenantId ?? '', status: 'failed' },
      { status: 'provisioning' },
    );
    if (affected !== 1) throw new ConflictError('the tenant is no longer waiting to be provisioned');
  }

  /** Where the tenant is going to be, once `choose-target` has run. */
  async locate(tenantId: string | null): Promise<Location> {
    const { targetId, schema } = await this.tenant(tenantId);
    return { target: await this.targets.find(targetId ?? ''), schema: schema ?? '' };
  }

  private async chooseTarget({ tenantId, input }: Run): Promise<void> {
    const tenant = await this.tenant(tenantId);
    if (tenant.targetId !== null && tenant.schema !== null) return; // recorded before a crash, maybe by a former version
    const target = await this.placements.ensureTarget(input.serverId, tenant);
    const location = { targetId: target.id, schema: schemaNameOf(tenant, target) };
    await this.catalog.getRepository(TenantEntity).update(tenant.id, location);
  }

  private async createRole({ tenantId, signal }: Run): Promise<void> {
    const { target } = await this.locate(tenantId);
    await this.placements.createRole(target, signal);
  }

  private async createDatabase({ tenantId, signal }: Run): Promise<void> {
    const { target } = await this.locate(tenantId);
    await this.placements.createDatabase(target, signal);
  }

  private async createSchema({ tenantId, signal }: Run): Promise<void> {
    const { target, schema } = await this.locate(tenantId);
    await this.placements.createSchema(target, schema, signal);
  }

  private async migrate({ tenantId, signal, saveState }: Run): Promise<void> {
    const { target, schema } = await this.locate(tenantId);
    const tables = await this.placements.migrate(target, schema, signal);
    if (tables) await saveState({ schemaVersion: tables.version, migrations: JSON.stringify(tables.recorded) });
  }

  private async activate({ tenantId, state, signal }: Run): Promise<void> {
    const { target, schema } = await this.locate(tenantId);
    const { schemaVersion: version, migrations } = state;
    // A former release may have migrated the tables.
    const recorded = migrations === undefined ? null : (JSON.parse(migrations) as string[]);
    const tables = version === undefined ? undefined : { version, recorded };
    await this.tenantActivation.activate({
      tenantIds: [tenantId ?? ''],
      targetId: target.id,
      schema,
      tables,
    });
    await this.placements.bringReferenceRows(target, schema, tables, signal);
  }

  private tenant(id: string | null): Promise<TenantEntity> {
    return this.catalog.getRepository(TenantEntity).findOneByOrFail({ id: id ?? '' });
  }
}
