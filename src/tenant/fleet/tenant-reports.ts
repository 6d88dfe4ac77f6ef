import type { Actor } from '../../catalog/audit/actor.js';
import type { TenantIdentity, TenantResults } from './tenant-results.js';

/** How `acrossTenants` reads. */
export interface AcrossTenantsOptions {
  /** Why all of these tenants are looked at, for the audit log: 1 to 500 characters. */
  readonly reason: string;
  /** Who looks, for the audit log. Default: the application itself. */
  readonly actor?: Actor;
  /** Tenants that are read at the same time, 1 to 64. Default: 4. */
  readonly concurrency?: number;
  /** Milliseconds that the statement may run for each tenant, 1 to 86,400,000. Default: 10,000. */
  readonly timeoutMs?: number;
  /** Rows of one tenant; a tenant with more has failed, with `TOO_MANY_ROWS`. 1 to 100,000. Default: 1,000. */
  readonly maxRows?: number;
  /** Rows of all tenants; with more, the whole is refused. 1 to 1,000,000. Default: 100,000. */
  readonly maxTotalRows?: number;
  /** When aborted, no further tenant is read, and the results so far are returned. */
  readonly signal?: AbortSignal;
}

/** What a report found for one tenant. */
export type TenantReport<Row> =
  | { readonly tenant: TenantIdentity; readonly status: 'done'; readonly rows: readonly Row[] }
  | { readonly tenant: TenantIdentity; readonly status: 'failed'; readonly error: unknown };

/** What a report found for each tenant. */
export interface TenantReports<Row> extends Omit<TenantResults<never>, 'results'> {
  readonly results: readonly TenantReport<Row>[];
}
