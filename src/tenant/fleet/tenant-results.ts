/** Which tenant a result is of. */
export interface TenantIdentity {
  readonly id: string;
  readonly slug: string;
}

/** The outcome of work for one tenant. */
export type TenantResult<T> =
  | { readonly tenant: TenantIdentity; readonly status: 'done'; readonly value: T }
  | { readonly tenant: TenantIdentity; readonly status: 'failed'; readonly error: unknown };

/** The outcome of work for many tenants. */
export interface TenantResults<T> {
  /** Tenants whose work has resolved. */
  readonly done: number;
  /** Tenants whose work has rejected. */
  readonly failed: number;
  /** False when the signal, or a shutdown, has kept further tenants from being begun. */
  readonly isComplete: boolean;
  /** Of the tenants that were begun, in the order in which they ended; with `keep: 'failed'`, of those that failed. */
  readonly results: readonly TenantResult<T>[];
}

/** How far work for many tenants has come. */
export interface TenantProgress<T> {
  readonly done: number;
  readonly failed: number;
  /** Tenants of the filter when the work began. */
  readonly total: number;
  /** The tenant that has just ended. */
  readonly result: TenantResult<T>;
}

/** How `forEachTenant` goes about it. */
export interface ForEachTenantOptions<T = unknown> {
  /** Tenants in work at the same time, 1 to 64. Default: 4. */
  readonly concurrency?: number;
  /** When aborted, no further tenant is begun; those begun end first, and the results so far are returned. */
  readonly signal?: AbortSignal;
  /** Called after each tenant, and awaited before that tenant's place is taken. What it throws ends the whole. */
  readonly onProgress?: (progress: TenantProgress<T>) => void | Promise<void>;
  /** `failed` keeps the results of failures only, for values that are large or not needed. Default: `all`. */
  readonly keep?: 'all' | 'failed';
}
