import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { CodedError } from '../../platform/errors/coded-error.js';
import { TENANTRY_ACTOR } from '../../catalog/audit/actor.js';
import { OperationRunner } from '../../operations/operation-runner.js';
import { RequestedOperations } from '../operations/requested-operations.js';
import { FleetUnits } from './fleet-units.js';

/** With demo tenants: whoever adds a migration and starts again finds its tables there. Operators decide it themselves. */
@Injectable()
export class StartupMigration {
  private readonly logger = new Logger('Migrations');

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly units: FleetUnits,
    private readonly requested: RequestedOperations,
    private readonly runner: OperationRunner,
  ) {}

  /** A migration that fails is told of and holds up nobody: tenants whose tables are behind are not served. */
  async run(): Promise<void> {
    const { count } = await this.units.behind({ operationId: randomUUID(), limit: 1 });
    if (count === 0) return;
    this.logger.log('Tenants are behind the newest migration: migrating them');
    try {
      const request = this.requested.validate({ kind: 'migrate' });
      const { id } = await this.catalog.transaction((catalog) =>
        this.requested.create(catalog, request, TENANTRY_ACTOR),
      );
      await this.runner.runToCompletion(id);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.logger.warn(`Not all tenants were migrated: ${error.message}`);
    }
  }
}
