import { z } from 'zod';
import { SLUG } from '../../catalog/model/slug.js';
import { decodeCursor, pageOf } from '../../http/input/page.js';
import { wholeNumber } from '../../http/input/whole-number.js';
import { isUuid } from '../../platform/uuid.js';

const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const DAY_MS = 86_400_000;

export const usageFilter = z.strictObject({
  tenant: z
    .string()
    .refine((text) => SLUG.test(text) || isUuid(text), "must be a tenant's slug or id")
    .optional()
    .describe("a tenant's slug or id; the id also after the tenant was deleted"),
  from: time.default(() => new Date(Date.now() - 30 * DAY_MS)).describe('the first hour, by default 30 days ago'),
  to: time.optional().describe('the hour after the last one; by default all'),
  by: z.enum(['hour', 'day', 'month']).default('day').describe('days and months are those of UTC'),
  format: z.enum(['json', 'csv']).optional().describe('instead of the header `Accept`'),
  limit: wholeNumber(1, 1000).default(100).describe('maximum number of items'),
  cursor: z
    .string()
    .max(100)
    .transform((cursor, context) => {
      const position = decodeCursor(cursor);
      if (position) return position;
      context.addIssue({ code: 'custom', message: 'must be the nextCursor of another page' });
      return z.NEVER;
    })
    .optional()
    .describe('`nextCursor` of the previous page'),
});
export type UsageFilter = z.infer<typeof usageFilter>;

const HOURS = { hour: 1, day: 24, month: 28 * 24 } as const;
const HOUR_MS = 3_600_000;
const MAX_PERIODS = 1_000;

export const usageTotalsFilter = usageFilter
  .pick({ from: true, to: true, by: true })
  .refine(hasFewPeriods, { message: `must be at most ${MAX_PERIODS} periods before the end`, path: ['from'] });

/** Also called with values that are invalid, which are refused as such. */
function hasFewPeriods({ from, to = new Date(), by }: Pick<UsageFilter, 'from' | 'to' | 'by'>): boolean {
  if (!(from instanceof Date && to instanceof Date)) return true;
  return to.getTime() - from.getTime() <= MAX_PERIODS * HOURS[by] * HOUR_MS;
}

export type UsageTotalsFilter = z.infer<typeof usageTotalsFilter>;

const count = z.number().int();
const sums = {
  requests: count,
  runs: count.describe('work outside of requests'),
  errors: count.describe('requests answered with a status of 500 or more, and runs that failed'),
  durationMs: z.number(),
  statements: count,
  waitMs: z.number().describe('waited for connections'),
  databaseMs: z.number().describe('from sending statements to their answers'),
  rowsRead: count,
  rowsWritten: count,
};
const tenant = {
  tenantId: z.uuid(),
  tenant: z.string().nullable().describe('the slug; null after the tenant was deleted'),
};
const figures = { ...tenant, ...sums };
const storedBytes = count
  .nullable()
  .describe(
    'stored when it was last measured then; null where nothing was: each day has a value, an hour only a new one',
  );
const at = z.iso.datetime().describe('the beginning of the hour, day or month');

const usageView = z.object({ at, ...figures, storedBytes }).meta({ id: 'Usage' });
export type UsageView = z.infer<typeof usageView>;

export const usagePage = pageOf(usageView);

const totalBytes = count
  .nullable()
  .describe('of the tenants that were measured then; null by the hour, in which few are');

export const usageTotalsView = z
  .object({
    items: z
      .array(z.object({ at, ...sums, storedBytes: totalBytes }))
      .describe('oldest first; periods without usage are left out'),
  })
  .meta({ id: 'UsageTotals' });
export type UsageTotalsView = z.infer<typeof usageTotalsView>;

const p95Ms = z
  .number()
  .nullable()
  .describe('the time within which 95 % of the requests were answered, counted in classes; null without requests');

export const currentUsageView = z
  .object({
    items: z.array(z.object(figures)).describe('those with the most time first'),
    totals: z
      .object({ ...sums, p95Ms })
      .nullable()
      .describe('of all tenants; null for operators who are limited to some'),
  })
  .meta({ id: 'CurrentUsage' });
export type CurrentUsageView = z.infer<typeof currentUsageView>;
