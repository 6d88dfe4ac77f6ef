import { Injectable, Logger, type OnModuleInit } from '@nestjs/common';
import type { CatalogEvent } from '../../catalog/catalog-event.js';
import { ConnectionPools } from '../../database/pool/connection-pools.js';
import { TenantLookup } from './tenant-lookup.js';

/**
 * Brings pools up to what the catalog says of their targets as soon as that changes: an instance that nobody asks for the
 * tenant would otherwise keep its connections with the former role, and those of a target that is gone.
 */
@Injectable()
export class TargetWatch implements OnModuleInit {
  private readonly logger = new Logger(TargetWatch.name);

  constructor(
    private readonly pools: ConnectionPools,
    private readonly lookup: TenantLookup,
  ) {}

  onModuleInit(): void {
    this.lookup.subscribe((event) => this.onChange(event));
  }

  private onChange(event: CatalogEvent): void {
    if (event.kind === 'lost') return;
    const known = this.pools.targetIds();
    for (const id of known) if (event.kind === 'listening' || id === event.targetId) void this.follow(id);
  }

  private async follow(targetId: string): Promise<void> {
    try {
      const target = await this.lookup.target(targetId);
      if (target) this.pools.refresh(target);
      else this.pools.forget(targetId);
    } catch (error) {
      // The pool stays as it is until the next request of the target, or until notifications are back.
      this.logger.warn(`A changed target could not be looked up: ${error instanceof Error ? error.message : error}`);
    }
  }
}
