import { z } from 'zod';
import { tenantLimits } from '../../catalog/model/limits.js';
import { boundedText } from '../../http/input/bounded-text.js';
import { featureChanges, features, planName, settingChanges, settings } from './setting.schemas.js';

const description = boundedText(500);
/** Null removes a limit. */
const limitChanges = z
  .strictObject(nullable(tenantLimits.shape))
  .partial()
  .describe('each given limit replaces the stored one; null removes it');

export const newPlan = z
  .strictObject({
    name: planName,
    description: description.optional(),
    settings: settings.default({}),
    features: features.default({}),
    limits: tenantLimits.default({}),
  })
  .meta({
    id: 'NewPlan',
    example: { name: 'pro', description: 'for teams', limits: { maxConcurrentStatements: 8 } },
  });
export type NewPlan = z.infer<typeof newPlan>;

export const planChange = z
  .strictObject({
    description: description.nullable().optional(),
    settings: settingChanges.optional(),
    features: featureChanges.optional(),
    limits: limitChanges.optional(),
  })
  .refine((change) => Object.keys(change).length > 0, 'must contain at least one change')
  .meta({ id: 'PlanChange', example: { limits: { maxConcurrentStatements: 12 } } });
export type PlanChange = z.infer<typeof planChange>;

export const planView = z
  .object({
    name: z.string(),
    description: z.string().nullable(),
    settings: z.record(z.string(), z.unknown()),
    features: z.record(z.string(), z.boolean()),
    limits: tenantLimits,
    tenants: z.int().describe('number of tenants on it'),
    version: z.int(),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .meta({ id: 'Plan' });
export type PlanView = z.infer<typeof planView>;

function nullable<Shape extends z.ZodRawShape>(shape: Shape) {
  const fields = Object.entries(shape).map(([name, field]) => [name, z.nullable((field as z.ZodOptional).unwrap())]);
  return Object.fromEntries(fields) as { [Name in keyof Shape]: z.ZodNullable<z.ZodInt> };
}
