import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import type { Actor } from '../../catalog/audit/actor.js';
import type { OperationRequest } from '../../operations/operation-request.js';
import { codeVersionFor } from '../../database/table-migrations/versions/migration-version.js';
import { Operations } from '../../operations/operations.js';
import { migrationRequest, type MigrationRequest } from './fleet-migration.schemas.js';
import { MigrationUnits } from './migration-units.js';
import { assertTenantsExist } from './assert-tenants-exist.js';
import { FLEET, MigrateKind } from './migrate.kind.js';

/** Requests a fleet migration. */
@Injectable()
export class MigrateRequest implements OperationRequest<MigrationRequest> {
  readonly schema = migrationRequest;

  constructor(
    readonly kind: MigrateKind,
    private readonly operations: Operations,
    private readonly units: MigrationUnits,
  ) {}

  async create(
    catalog: EntityManager,
    { kind: _kind, ...options }: MigrationRequest,
    actor: Actor,
  ): Promise<OperationEntity> {
    const { tenants, canary } = options;
    const canarySlugs = canary && 'tenants' in canary ? canary.tenants : undefined;
    await assertTenantsExist(catalog, { tenants, 'canary.tenants': canarySlugs });
    const input = { ...options, to: this.units.newest };
    const { newest, names: requiredMigrations } = this.units;
    const code = { requiredCode: codeVersionFor(newest), requiredMigrations };
    const migration = { kind: this.kind, input, tenantId: null, subject: FLEET, ...code };
    return this.operations.create(catalog, migration, actor);
  }
}
