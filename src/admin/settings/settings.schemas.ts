import { z } from 'zod';
import { tenantLimits } from '../../catalog/model/limits.js';
import { ORIGINS } from '../../tenant/settings/setting-layers.js';
import { featureChanges, settingChanges } from '../plans/setting.schemas.js';

export const settingsChange = z
  .strictObject({ settings: settingChanges.optional(), features: featureChanges.optional() })
  .refine((change) => Object.keys(change).length > 0, 'must contain at least one change')
  .meta({ id: 'SettingsChange', example: { settings: { maxOrderLines: 20 }, features: { orderSummary: false } } });
export type SettingsChange = z.infer<typeof settingsChange>;

const origin = z.enum(ORIGINS).describe('the tenant itself, its plan, a variable of the environment, or the code');
const settingView = z.object({
  value: z.unknown(),
  origin,
  refused: z
    .array(z.object({ origin, reason: z.string() }))
    .optional()
    .describe('stored values without effect, because the schema of the setting refuses them'),
});

export const settingsView = z
  .object({
    tenant: z.string().describe('slug'),
    plan: z.string().nullable(),
    settings: z.record(z.string(), settingView).describe('what holds, by key'),
    features: z.record(z.string(), z.object({ value: z.boolean(), origin })),
    limits: z
      .record(z.string(), z.object({ value: z.int(), origin }))
      .describe("a limit that is missing is the environment's"),
    own: z
      .object({
        settings: z.record(z.string(), z.unknown()),
        features: z.record(z.string(), z.boolean()),
        limits: tenantLimits,
      })
      .describe("the tenant's own, as stored"),
    unknown: z.array(z.string()).describe('stored keys that this release of the application does not declare'),
    version: z.int().describe('of the tenant'),
  })
  .meta({ id: 'Settings' });
export type SettingsView = z.infer<typeof settingsView>;
