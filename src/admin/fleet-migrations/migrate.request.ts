import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import type { Actor } from '../../catalog/audit/actor.js';
import type { OperationRequest } from '../../operations/operation-request.js';
import { timestampOf } from '../../database/table-migrations/migration-names.js';
import { Operations } from '../../operations/operations.js';
import { migrationRequest, type MigrationRequest } from './fleet-migration.schemas.js';
import { FleetUnits } from './fleet-units.js';
import { assertKnown } from './known-tenants.js';
import { FLEET, MigrateKind } from './migrate.kind.js';

/** Asks for the migration of the fleet. */
@Injectable()
export class MigrateRequest implements OperationRequest<MigrationRequest> {
  readonly schema = migrationRequest;

  constructor(
    readonly kind: MigrateKind,
    private readonly operations: Operations,
    private readonly units: FleetUnits,
  ) {}

  async create(
    catalog: EntityManager,
    { kind: _kind, ...asked }: MigrationRequest,
    actor: Actor,
  ): Promise<OperationEntity> {
    const { tenants, canary } = asked;
    const canaries = canary && 'tenants' in canary ? canary.tenants : undefined;
    await assertKnown(catalog, { tenants, 'canary.tenants': canaries });
    const input = { ...asked, to: this.units.newest };
    const requiredCode = timestampOf(this.units.newest) || 0;
    const migration = { kind: this.kind, input, tenantId: null, subject: FLEET, requiredCode };
    return this.operations.create(catalog, migration, actor);
  }
}
