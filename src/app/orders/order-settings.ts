import { z } from 'zod';
import type { SettingValues } from '../../index.js';
import { MAX_LINES } from './amounts.js';

/** What operators may set for each tenant, or for a plan: `tenantry tenants settings acme --set maxOrderLines=20`. */
export const orderSettings = {
  maxOrderLines: z.int().min(1).max(MAX_LINES).default(MAX_LINES),
};

declare module '../../index.js' {
  interface TenantSettings extends SettingValues<typeof orderSettings> {}
  interface TenantFeatureFlags {
    orderSummary: boolean;
  }
}
