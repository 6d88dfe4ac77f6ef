import { z } from 'zod';
import { REDIS_OUTCOMES } from '../../cache/values/value-store.js';

const time = z.iso.datetime();

const removedTable = z.object({
  table: z.string(),
  rows: z.number(),
  isEstimated: z.boolean().describe("the planner's estimate: the table was dropped with more rows than are counted"),
});

/** What was found at the tenant's place immediately before it was removed. */
export const foundData = z.object({
  removed: z
    .enum(['rows', 'schema', 'database', 'nothing'])
    .describe('rows of shared tables, a schema, or a database; nothing: the tenant never had a place'),
  server: z.string().nullable(),
  database: z.string().nullable(),
  schema: z.string().nullable(),
  tables: z.array(removedTable),
});
export type FoundData = z.infer<typeof foundData>;

/** Copies of the tenant's rows outside of its place, such as exported archives. */
export const storedCopies = z.array(z.object({ what: z.string(), removed: z.int() }));

/** The parts of a deletion's result: each is recorded by the step that has done it. */
export const erasureResult = z.object({
  cache: z.object({ redis: z.enum(REDIS_OUTCOMES).describe('`away`: what is there expires'), at: time }),
  stored: z.object({ copies: storedCopies, at: time }).optional().describe('absent from reports of former releases'),
  data: foundData.extend({ at: time }),
  login: z.object({ role: z.string().nullable().describe('null: shared with other tenants, and kept'), at: time }),
  records: z.object({
    domains: z.int(),
    apiKeys: z.int(),
    storedAnswers: z.int().describe('to requests with an `Idempotency-Key`'),
    cronFailures: z.int(),
    at: time,
  }),
  remains: z.array(
    z.object({
      what: z.string(),
      where: z.string(),
      until: z.string().nullable().describe('a time, or what ends it; null: it is kept'),
    }),
  ),
});
export type ErasureResult = z.infer<typeof erasureResult>;
export type Remaining = ErasureResult['remains'][number];

/** What a deletion has removed, and what remains. It names the tenant by its id and its pseudonym only. Times are ISO 8601. */
export interface ErasureReport extends ErasureResult {
  readonly operationId: string;
  readonly tenantId: string;
  readonly pseudonym: string;
  readonly requestedAt: string;
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** Hooks of the application that the deletion has called with success. */
  readonly hooks: readonly { readonly event: string; readonly hook: string; readonly finishedAt: string | null }[];
}
