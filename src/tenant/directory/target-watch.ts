import { Injectable, Logger } from '@nestjs/common';
import { type CatalogEvent, CatalogEvents } from '../../catalog/feed/catalog-events.js';
import { ConnectionPools } from '../../database/pool/connection-pools.js';
import { TenantLookup } from './tenant-lookup.js';
import { reasonOf } from '../../platform/errors/reason-of.js';

/**
 * Updates pools as soon as their targets change in the catalog. An instance without requests for the tenant would
 * otherwise keep connections with the previous role, or of a deleted target.
 */
@Injectable()
export class TargetWatch {
  private readonly logger = new Logger(TargetWatch.name);

  constructor(
    private readonly pools: ConnectionPools,
    private readonly lookup: TenantLookup,
    events: CatalogEvents,
  ) {
    events.subscribe('pools', (event) => this.onEvent(event));
  }

  private onEvent(event: CatalogEvent): void {
    if (event.kind === 'lost') return;
    for (const id of this.pools.targetIds()) {
      if (event.kind !== 'change' || id === event.targetId) void this.refresh(id);
    }
  }

  private async refresh(targetId: string): Promise<void> {
    try {
      const target = await this.lookup.target(targetId);
      if (target) this.pools.refresh(target);
      else this.pools.forget(targetId);
    } catch (error) {
      // The pool stays as it is until the next request for the target, or until the change feed is restored.
      this.logger.warn(`Cannot look up changed target ${targetId}: ${reasonOf(error)}`);
    }
  }
}
