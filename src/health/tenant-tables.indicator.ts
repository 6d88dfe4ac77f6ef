import { Inject, Injectable, Logger } from '@nestjs/common';
import { type HealthIndicatorResult, HealthIndicatorService } from '@nestjs/terminus';
import { degraded } from './degraded.js';
import { EntityTables } from '../catalog/tenant-tables/entity-tables.js';
import { ServedTenants } from './served-tenants.js';

/** An instance that could serve a smaller part of the active tenants is not ready. */
const LEAST_SERVED = 0.1;

const REMEDY = 'run `tenantry migrate` with this code';

/**
 * Reports whether this instance's code can serve the active tenants. Nearly none means that new code was rolled out before
 * its migrations: a rollout that goes by readiness stops then, while the former instances serve everyone. A tenth is
 * enough, because some tenants may have failed to migrate, and those that did not must not go down with them; and it is
 * more than the few that the new code may itself have provisioned meanwhile.
 */
@Injectable()
export class TenantTablesIndicator {
  private readonly logger = new Logger('Migrations');
  private hasReported = false;

  constructor(
    private readonly tenants: ServedTenants,
    @Inject(EntityTables) private readonly entityTables: Pick<EntityTables, 'differences'>,
    private readonly health: HealthIndicatorService,
  ) {}

  async check(): Promise<HealthIndicatorResult> {
    const session = this.health.check('tenantTables');
    const { active = 0, behind = 0 } = (await this.tenants.counts()) ?? {};
    if (behind === 0) {
      this.hasReported = false;
      const differences = this.entityTables.differences().length;
      if (differences === 0) return session.up();
      return degraded(session, {
        message: `the tables do not fit the entities: see the log, or run doctor`,
        differences,
      });
    }
    const message = `the tables of ${behind} of ${active} active tenants lack migrations that this code needs`;
    this.report(message);
    const data = { message: `${message}: ${REMEDY}`, active, behind };
    return active - behind < active * LEAST_SERVED ? session.down(data) : degraded(session, data);
  }

  private report(message: string): void {
    if (this.hasReported) return;
    this.hasReported = true;
    this.logger.warn(`Not served: ${message}; ${REMEDY}`);
  }
}
