import { Injectable, Logger } from '@nestjs/common';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { withDeadline } from '../../platform/timeout.js';

/** A store that is away must not keep a tenant from being deleted. */
const DEADLINE_MS = 60_000;

/** Copies of tenants' rows in one store. */
interface CopiesSource {
  /** For reports: "exported archives in the store". */
  readonly what: string;
  /** @returns how many it has removed */
  readonly remove: (tenantId: string) => Promise<number>;
}

/**
 * Removes what the product itself has stored of a tenant's rows outside of its place. Each part that stores some adds a source;
 * what cannot be removed it names as a source of `ErasureRemains`.
 */
@Injectable()
export class StoredCopies {
  private readonly logger = new Logger('Deletion');
  private readonly sources: CopiesSource[] = [];

  add(source: CopiesSource): void {
    this.sources.push(source);
  }

  /** Of each source of which something was removed, how many. */
  async remove(tenantId: string): Promise<{ readonly what: string; readonly removed: number }[]> {
    const found: { readonly what: string; readonly removed: number }[] = [];
    for (const { what, remove } of this.sources) {
      try {
        const removed = await withDeadline(remove(tenantId), DEADLINE_MS);
        if (removed > 0) found.push({ what, removed });
      } catch (error) {
        this.logger.warn(`Cannot remove ${what}: ${reasonOf(error)}`);
      }
    }
    return found;
  }
}
