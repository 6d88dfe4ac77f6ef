import { deepFreeze } from '../../platform/deep-freeze.js';
import { storedLimits } from './limits.js';
import type { TenantLimits } from './tenant-limits.js';
import { storedFeatures, type StoredFeatures, storedSettings, type StoredSettings } from './stored-settings.js';

/** A plan's name has the form of a slug. */
export const PLAN_NAME = /^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/;

/** What tenants of a plan have, unless they have their own. Frozen. */
export interface Plan {
  readonly name: string;
  readonly settings: StoredSettings;
  readonly features: StoredFeatures;
  readonly limits: TenantLimits;
  /** Raised by a trigger at every change. */
  readonly version: number;
}

/** A plan's row. */
export interface PlanRow {
  readonly name: string;
  readonly settings: unknown;
  readonly features: unknown;
  readonly limits: unknown;
  readonly version: number;
}

export function toPlan({ name, settings, features, limits, version }: PlanRow): Plan {
  return deepFreeze({
    ...{ name, version, settings: storedSettings(settings) },
    ...{ features: storedFeatures(features), limits: storedLimits(limits) },
  });
}
