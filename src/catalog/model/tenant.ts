import type { TenantLimits } from './tenant-limits.js';
import type { StoredFeatures, StoredSettings } from './stored-settings.js';

export const ISOLATIONS = ['row', 'schema', 'database'] as const;
/** What a tenant shares with others: the tables (`row`), the database (`schema`), or neither (`database`). */
export type Isolation = (typeof ISOLATIONS)[number];

export const TENANT_STATUSES = [
  'provisioning',
  'active',
  'suspended',
  'maintenance',
  'moving',
  'deleting',
  'failed',
] as const;
/** Only an `active` tenant is served. */
export type TenantStatus = (typeof TENANT_STATUSES)[number];

/** The tenant that a slug or a domain refers to. */
export interface TenantRef {
  readonly id: string;
}

/** A tenant as read from the catalog and carried by every request of it. Frozen. */
export interface Tenant {
  readonly id: string;
  readonly slug: string;
  readonly status: TenantStatus;
  readonly isolation: Isolation;
  /** The connection target it lives on; null until provisioning has chosen one. */
  readonly targetId: string | null;
  /** The schema its tables are in, inside the target's database; null until provisioning has chosen one. */
  readonly schema: string | null;
  /** Name of the newest tenant migration applied to its tables; null until one is. */
  readonly schemaVersion: string | null;
  /** Digest of the set of migrations that its tables have; null when that is not known. */
  readonly migrationSet: string | null;
  /** Its own: those that it works with are the plan's and the environment's where it has none. */
  readonly limits: TenantLimits;
  /** Name of its plan. */
  readonly plan?: string | undefined;
  /** Its own, as they are stored; absent when there are none. `TenantContext.current().settings` has the effective ones. */
  readonly settings?: StoredSettings | undefined;
  /** Its own; absent when there are none. `TenantContext.current().features` has the effective ones. */
  readonly features?: StoredFeatures | undefined;
  /** Whether its rows are being moved, or have been moved and can still be moved back. */
  readonly isMoving?: true | undefined;
  /** Shown to callers while in maintenance. */
  readonly message: string | null;
  /** Incremented by a trigger at every change of the tenant, its keys or its domains. */
  readonly version: number;
}
