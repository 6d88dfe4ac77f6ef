import { z } from 'zod';
import { ISOLATIONS } from '../../../catalog/model/tenant.js';

const place = z.object({
  isolation: z.enum(ISOLATIONS),
  server: z.string(),
  database: z.string(),
  schema: z.string(),
});

const creation = z.object({ what: z.enum(['login role', 'database', 'schema', 'tables']), name: z.string() });

const table = z.object({
  table: z.string(),
  rows: z.number(),
  isEstimated: z.boolean().describe("the planner's estimate: there are too many rows to count them"),
  bytes: z.number().describe('of the table with its indexes; in shared tables, its rows by their average width'),
});

const transaction = z.object({
  pid: z.int().nullable().describe('null for a prepared transaction'),
  role: z.string().nullable(),
  application: z.string().nullable(),
  state: z.string().nullable(),
  seconds: z.number().describe('how long it has been under way, at least'),
});

const connections = z.object({
  server: z.string(),
  max: z.int().describe('connections that the server opens for ordinary roles'),
  open: z.int(),
  needed: z.int().describe('by a move, besides those that exist'),
});

/** What a move would do and what is in its way. Nothing was changed. */
export const movePreview = z
  .object({
    tenantId: z.guid(),
    slug: z.string(),
    from: place,
    to: place,
    obstacles: z.array(z.string()).describe('what keeps the tenant from being moved; empty: nothing known'),
    notes: z.array(z.string()).describe('what was not looked at, and why'),
    creates: z.array(creation),
    tables: z.array(table),
    rows: z.number(),
    bytes: z.number(),
    areBytesEstimated: z.boolean().describe('true for shared tables'),
    copy: z
      .object({
        estimatedSeconds: z
          .number()
          .describe(
            'of copying and comparing, from the measured time of reading; right within a factor of two or three',
          ),
        sampledBytes: z.number().describe('read at the source to estimate this, in the form in which rows are copied'),
        sampledMs: z.number(),
      })
      .nullable()
      .describe('null without rows'),
    waiting: z.object({
      limitMs: z.int().describe('`DB_POOL_TIMEOUT`: a write that waits longer is answered with TENANT_READ_ONLY'),
      attemptMs: z
        .int()
        .describe('how long the first attempt to switch has writes wait for transactions that are under way'),
      longestAttemptMs: z.int().describe('how long later attempts do so at most; each takes half as long again'),
      lastChanges: z.int().describe('changes that are left to apply while writes wait, at most'),
      sourceRoundTripMs: z.number().nullable(),
      destinationRoundTripMs: z.number().nullable(),
      olderTransactions: z
        .array(transaction)
        .describe(
          'under way at the source for the whole preview: the switch waits for those that begin before the move',
        ),
    }),
    connections: z.array(connections),
  })
  .meta({ id: 'MovePreview' });
export type MovePreviewView = z.infer<typeof movePreview>;
