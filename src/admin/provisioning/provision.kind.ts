import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import type { OperationKind, OperationRun, OperationStep } from '../../operations/operation-kind.js';
import { HookHost } from '../tenant-hooks/hook-host.js';
import { HookSteps } from '../tenant-hooks/hook-steps.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { Activation } from './activation.js';
import { schemaNameOf } from './names.js';
import { Placements } from './placements.js';

const Input = z.object({ serverId: z.guid() });
type Input = z.infer<typeof Input>;
type Run = OperationRun<Input>;

/** Where a tenant is being provisioned. */
interface Location {
  readonly target: ConnectionTargetEntity;
  readonly schema: string;
}

/**
 * Creates what a tenant needs: login role, database, schema, tables. Names and passwords are written to the catalog
 * before anything is created, so that each step can run again after a crash at any point.
 */
@Injectable()
export class ProvisionKind implements OperationKind<Input> {
  readonly name = 'provision';
  readonly input = Input;
  private readonly creation = [
    { name: 'choose-target', run: (run: Run) => this.chooseTarget(run) },
    { name: 'create-role', run: (run: Run) => this.createRole(run) },
    { name: 'create-database', run: (run: Run) => this.createDatabase(run) },
    { name: 'create-schema', run: (run: Run) => this.createSchema(run) },
    { name: 'migrate', run: (run: Run) => this.migrate(run) },
  ];

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly targets: TargetDatabases,
    private readonly placements: Placements,
    private readonly activation: Activation,
    private readonly hookSteps: HookSteps,
    private readonly host: HookHost,
  ) {}

  get steps(): readonly OperationStep<Input>[] {
    return [
      ...this.creation,
      ...this.hookSteps.forSeeds(),
      ...this.hookSteps.for('provisioned', { required: true }),
      { name: 'activate', run: (run: Run) => this.activate(run) },
      ...this.hookSteps.for('provisioned', { required: false }),
    ];
  }

  /** Those that a tenant provisioned ahead has behind it, and whether it can be served at once. */
  get stepsOfSpare(): { readonly finished: readonly string[]; readonly isActive: boolean } {
    const created = this.creation.map(({ name }) => name);
    const next = this.steps[created.length]?.name;
    return next === 'activate'
      ? { finished: [...created, next], isActive: true }
      : { finished: created, isActive: false };
  }

  get hooks(): readonly string[] {
    return this.host.namesFor(['provisioned']);
  }

  async onFailed(catalog: EntityManager, { tenantId }: OperationEntity): Promise<void> {
    await catalog.update(TenantEntity, { id: tenantId ?? '', status: 'provisioning' }, { status: 'failed' });
  }

  onCancelled(catalog: EntityManager, operation: OperationEntity): Promise<void> {
    return this.onFailed(catalog, operation);
  }

  async onRetried(catalog: EntityManager, { tenantId }: OperationEntity): Promise<void> {
    const { affected } = await catalog.update(
      TenantEntity,
      { id: tenantId ?? '', status: 'failed' },
      { status: 'provisioning' },
    );
    if (affected !== 1) throw new ConflictError('the tenant is no longer waiting to be provisioned');
  }

  private async chooseTarget({ tenantId, input }: Run): Promise<void> {
    const tenant = await this.tenant(tenantId);
    if (tenant.targetId !== null && tenant.schema !== null) return; // recorded before a crash, maybe by a former version
    const target = await this.placements.ensureTarget(input.serverId, tenant);
    const location = { targetId: target.id, schema: schemaNameOf(tenant, target) };
    await this.catalog.getRepository(TenantEntity).update(tenant.id, location);
  }

  private async createRole({ tenantId, signal }: Run): Promise<void> {
    const { target } = await this.location(tenantId);
    await this.placements.createRole(target, signal);
  }

  private async createDatabase({ tenantId, signal }: Run): Promise<void> {
    const { target } = await this.location(tenantId);
    await this.placements.createDatabase(target, signal);
  }

  private async createSchema({ tenantId, signal }: Run): Promise<void> {
    const { target, schema } = await this.location(tenantId);
    await this.placements.createSchema(target, schema, signal);
  }

  private async migrate({ tenantId, signal, saveState }: Run): Promise<void> {
    const { target, schema } = await this.location(tenantId);
    const tables = await this.placements.migrate(target, schema, signal);
    if (tables) await saveState({ schemaVersion: tables.version, migrations: JSON.stringify(tables.recorded) });
  }

  private async activate({ tenantId, state, signal }: Run): Promise<void> {
    const { target, schema } = await this.location(tenantId);
    const { schemaVersion: version, migrations } = state;
    // A former release may have migrated the tables.
    const recorded = migrations === undefined ? null : (JSON.parse(migrations) as string[]);
    const tables = version === undefined ? undefined : { version, recorded };
    await this.activation.activate({
      tenantIds: [tenantId ?? ''],
      targetId: target.id,
      schema,
      tables,
    });
    await this.placements.bringReferenceRows(target, schema, tables, signal);
  }

  private async location(tenantId: string | null): Promise<Location> {
    const { targetId, schema } = await this.tenant(tenantId);
    return { target: await this.targets.find(targetId ?? ''), schema: schema ?? '' };
  }

  private tenant(id: string | null): Promise<TenantEntity> {
    return this.catalog.getRepository(TenantEntity).findOneByOrFail({ id: id ?? '' });
  }
}
