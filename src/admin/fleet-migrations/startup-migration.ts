import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { CodedError } from '../../platform/errors/coded-error.js';
import { TENANTRY_ACTOR } from '../../catalog/audit/actor.js';
import { OperationRunner } from '../../operations/operation-runner.js';
import { RequestedOperations } from '../operations/requested-operations.js';
import { MigrationUnits } from './migration-units.js';

/**
 * Migrates the fleet at startup, only with demo tenants: a developer who adds a migration and restarts finds the new
 * tables. In production operators start migrations.
 */
@Injectable()
export class StartupMigration {
  private readonly logger = new Logger('Migrations');

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly units: MigrationUnits,
    private readonly requested: RequestedOperations,
    private readonly runner: OperationRunner,
  ) {}

  /** A failed migration is logged and does not prevent the start: tenants whose tables are behind are not served. */
  async run(): Promise<void> {
    const { count } = await this.units.due({ operationId: randomUUID(), limit: 1 });
    if (count === 0) return;
    this.logger.log('Migrating tenants that are behind the newest migration');
    try {
      const request = this.requested.validate({ kind: 'migrate' });
      const { id } = await this.catalog.transaction((catalog) =>
        this.requested.create(catalog, request, TENANTRY_ACTOR),
      );
      await this.runner.runToCompletion(id);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.logger.warn(`Not all tenants are migrated: ${error.message}`);
    }
  }
}
