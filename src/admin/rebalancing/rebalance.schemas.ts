import { z } from 'zod';
import { ISOLATIONS } from '../../catalog/model/tenant.js';
import { wholeNumber } from '../../http/input/whole-number.js';

const DEFAULT_GOAL = 1.25;
const DEFAULT_MOVES = 100;
const MAX_MOVES = 1_000;

const goalBounds = z.number().min(1).max(100);
const GOAL = 'load that no server is to exceed; 1 is its fair part of everything';
const MOVES = 'moves that are proposed at most';

/** Query of a preview. */
export const rebalanceFilter = z.strictObject({
  goal: z
    .string()
    .regex(/^\d{1,3}(?:\.\d{1,4})?$/, 'must be a number such as 1.25')
    .transform(Number)
    .pipe(goalBounds)
    .default(DEFAULT_GOAL)
    .describe(GOAL),
  maxMoves: wholeNumber(1, MAX_MOVES).default(DEFAULT_MOVES).describe(MOVES),
});
export type RebalanceFilter = z.infer<typeof rebalanceFilter>;

/** The same as fields of a request for the operation. */
export const rebalanceOptions = {
  goal: goalBounds.default(DEFAULT_GOAL).describe(GOAL),
  maxMoves: z.int().min(1).max(MAX_MOVES).default(DEFAULT_MOVES).describe(MOVES),
};

const load = z.number().describe('part of everything over its fair part: 1 is its fair part');

export const rebalanceView = z
  .object({
    goal: z.number(),
    reachesGoal: z.boolean().describe('whether no server is above the goal after the moves'),
    fullest: z
      .object({ before: load, after: load })
      .describe('load of the fullest server: what the moves gain is the difference'),
    bytes: z
      .int()
      .describe('that the moves bring, as last measured; those of a tenant that was never measured are an average'),
    leastBytes: z
      .int()
      .describe(
        'what any moves because of load bring at least, that gain as much; 0 where `maxMoves` has left some out',
      ),
    moves: z.array(
      z.object({
        tenant: z.string(),
        tenantId: z.guid(),
        isolation: z.enum(ISOLATIONS),
        from: z.string(),
        to: z.string(),
        bytes: z.int(),
        reason: z.string().describe('in a few words'),
      }),
    ),
    servers: z
      .array(z.object({ server: z.string(), before: load, after: load }))
      .describe('those that are not draining, by name'),
  })
  .meta({ id: 'Rebalance' });
export type RebalanceView = z.infer<typeof rebalanceView>;
