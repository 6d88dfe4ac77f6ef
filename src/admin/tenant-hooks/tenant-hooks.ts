import type { Tenant } from '../../catalog/model/tenant.js';

/** What a hook learns about the call, besides the tenant. */
export interface HookCall {
  /**
   * The same for each attempt of the same call, and no other call has it: an idempotency key for services that accept one.
   * At most 255 characters.
   */
  readonly key: string;
  /** The operation that calls the hook. */
  readonly operationId: string;
  /** 1, and more when it has failed before or its process died in the middle. */
  readonly attempt: number;
  /** Aborted when the process shuts down, when the operation is cancelled, and when the hook's time is over. */
  readonly signal: AbortSignal;
}

/** Called with the tenant as the catalog has it at that moment. An error, or none within the time limit, is a failure. */
export type TenantHook = (tenant: Tenant, call: HookCall) => Promise<void>;

/**
 * What an application does when something happens to a tenant: a class decorated with `@onTenant()` implements one or more.
 * Operations call them. A hook may be called more than once for the same event, because its process may die after its work
 * and before that is recorded: it does its work by `call.key`, or looks first whether it is done.
 *
 * All but `deleted` run in the tenant's context: injected repositories and `TenantConnectionService` reach its rows, also
 * while the tenant is not served.
 */
export interface TenantHooks {
  /**
   * The tenant has its tables, and its seeds. A required hook is called before the tenant is served, any other one when it is.
   */
  provisioned?: TenantHook;
  /** A fleet migration has changed the tenant's tables. */
  migrated?: TenantHook;
  /** The tenant is no longer served. */
  suspended?: TenantHook;
  /** The tenant is served again. */
  resumed?: TenantHook;
  /** The tenant is served at another place: by `tenants move`, by a restore over it, or because that was taken back. */
  moved?: TenantHook;
  /** The tenant's data is about to be removed. Not called for a tenant whose provisioning never ended. */
  deleting?: TenantHook;
  /** The tenant's data is gone; its context cannot be entered any more. */
  deleted?: TenantHook;
}

/** The events of a tenant's life that hooks can be called for. */
export const TENANT_EVENTS = [
  'provisioned',
  'migrated',
  'suspended',
  'resumed',
  'moved',
  'deleting',
  'deleted',
] as const;
export type TenantEvent = (typeof TENANT_EVENTS)[number] & keyof TenantHooks;
