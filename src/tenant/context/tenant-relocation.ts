import { setTimeout as delay } from 'node:timers/promises';
import type { Tenant } from '../../catalog/model/tenant.js';
import { sourceOf } from '../../database/data-source/tenant-data-source.js';
import { TenantReadOnlyError } from '../../database/gates/closed-gate.js';
import type { Relocation, TenantAccess } from '../../database/statements/tenant-access.js';
import { TenantGoneError } from '../admission/admission.errors.js';
import type { TenantLookup } from '../directory/tenant-lookup.js';
import type { TenantScope } from './tenant-context.js';

/** The change of a tenant's place is announced at once; this is how often it is looked for. */
const POLL_MS = 10;
/** A move that was abandoned opens the gate where it was: after this time a statement is tried there again. */
const PATIENCE_MS = 200;

/** Finds tenants whose rows have moved while statements for them were under way. */
export class TenantRelocation implements Relocation {
  /**
   * @param timeoutMs how long a statement waits for the end of a move
   * @param scopeOf opens the tenant as the catalog has it now
   */
  constructor(
    private readonly timeoutMs: number,
    private readonly lookup: Pick<TenantLookup, 'byId'>,
    private readonly scopeOf: (tenant: Tenant) => Promise<TenantScope>,
  ) {}

  async next(former: TenantAccess, since: number, refusal: unknown): Promise<TenantAccess> {
    for (const startedAt = performance.now(); ;) {
      const now = performance.now();
      if (now - since > this.timeoutMs) throw new TenantReadOnlyError(refusal);
      const tenant = await this.lookup.byId(former.stamp.tenantId);
      if (!tenant) throw new TenantGoneError();
      const { access } = sourceOf((await this.scopeOf(tenant)).dataSource);
      if (access.current.place !== former.place || now - startedAt > PATIENCE_MS) return access.current;
      await delay(POLL_MS);
    }
  }
}
