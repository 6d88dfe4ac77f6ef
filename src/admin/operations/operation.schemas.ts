import { z } from 'zod';
import {
  OPERATION_STATUSES,
  type OperationEntity,
  type OperationFailure,
} from '../../catalog/entities/operation.entity.js';
import { HOOK_STATUSES } from '../../catalog/entities/operation-hook.entity.js';
import { SLUG } from '../../catalog/model/slug.js';
import { pageOf, pageQuery } from '../../http/input/page.js';
import { wholeNumber } from '../../http/input/whole-number.js';
import { isUuid } from '../../platform/uuid.js';

export const operationFilter = pageQuery.extend({
  status: z.enum(OPERATION_STATUSES).optional(),
  kind: z
    .string()
    .max(63)
    .regex(/^[a-z-]+$/, 'must be a kind of operation')
    .optional(),
  tenant: z
    .string()
    .refine((text) => isUuid(text) || SLUG.test(text), "must be a tenant's slug or id")
    .optional()
    .describe("a tenant's slug or id; of a deleted tenant, its id or its pseudonym `deleted-…`"),
});
export type OperationFilter = z.infer<typeof operationFilter>;

export const operationHookFilter = z.strictObject({
  status: z.enum(HOOK_STATUSES).optional(),
  limit: wholeNumber(1, 1000).default(100).describe('maximum number of results to return'),
  cursor: z
    .string()
    .max(200)
    .transform((text, context): HookPosition => parseHookPosition(text) ?? rejectHookPosition(context))
    .optional()
    .describe('`nextCursor` of the previous page'),
});
export type OperationHookFilter = z.infer<typeof operationHookFilter>;

/** The key of the last result of a page. */
interface HookPosition {
  readonly tenantId: string;
  readonly event: string;
  readonly hook: string;
}

function parseHookPosition(text: string): HookPosition | undefined {
  const [tenantId = '', event, hook, ...rest] = text.split('/');
  if (!isUuid(tenantId) || event === undefined || hook === undefined || rest.length > 0) return undefined;
  return { tenantId, event, hook };
}

function rejectHookPosition(context: z.RefinementCtx): never {
  context.addIssue({ code: 'custom', message: 'must be the nextCursor of another page' });
  return z.NEVER;
}

export const operationTenantFilter = z.strictObject({
  status: z.enum(['succeeded', 'failed']).optional(),
  limit: wholeNumber(1, 1000).default(100).describe('maximum number of tenants to return'),
  cursor: z.guid().optional().describe('`nextCursor` of the previous page'),
});
export type OperationTenantFilter = z.infer<typeof operationTenantFilter>;

const time = z.iso.datetime();
const failure = z.object({ code: z.string(), message: z.string() }) satisfies z.ZodType<OperationFailure>;

const step = z.object({ name: z.string(), status: z.enum(['pending', 'running', 'finished', 'failed']) });
type Step = z.infer<typeof step>;

export const operationView = z
  .object({
    id: z.guid(),
    kind: z.string(),
    status: z.enum(OPERATION_STATUSES),
    tenantId: z.guid().nullable(),
    subject: z
      .string()
      .describe("what the operation acts on: a tenant's slug, a server's name, `fleet`, `new tenants`"),
    steps: z.array(step),
    progress: z
      .object({ done: z.int(), total: z.int() })
      .nullable()
      .describe('within the running step, when the step reports progress'),
    result: z.record(z.string(), z.unknown()).nullable(),
    error: failure.nullable(),
    requiredHooks: z
      .array(z.string())
      .nullable()
      .describe('hooks of the application that an instance must have to run it; null: any instance'),
    attempts: z.int().describe('times it was started since the last finished step or progress'),
    runAfter: time.describe('earliest start'),
    instance: z.string().nullable().describe('instance that runs the operation, or ran it last'),
    heartbeatAt: time.nullable(),
    createdBy: z.string(),
    createdAt: time,
    startedAt: time.nullable(),
    finishedAt: time.nullable(),
  })
  .meta({ id: 'Operation' });
export type OperationView = z.infer<typeof operationView>;

export const operationPage = pageOf(operationView);

const operationTenantView = z
  .object({
    tenantId: z.guid(),
    slug: z.string(),
    status: z.enum(['succeeded', 'failed']),
    error: failure.nullable(),
    fromVersion: z.string().nullable(),
    toVersion: z.string().nullable(),
    durationMs: z.int(),
    finishedAt: time,
  })
  .meta({ id: 'OperationTenant' });
export type OperationTenantView = z.infer<typeof operationTenantView>;

export const operationTenantPage = z.object({
  items: z.array(operationTenantView),
  nextCursor: z.string().nullable(),
});
export type OperationTenantPage = z.infer<typeof operationTenantPage>;

const operationHookView = z
  .object({
    tenantId: z.guid(),
    event: z.string().describe('what happened to the tenant'),
    hook: z.string().describe("the hook's name; `seed` for the seeds of its tables"),
    status: z.enum(HOOK_STATUSES).describe('`retrying`: it has failed, and will be called again'),
    attempts: z.int(),
    error: failure.nullable(),
    durationMs: z.int().nullable().describe('of the last attempt'),
    startedAt: time,
    finishedAt: time.nullable(),
  })
  .meta({ id: 'OperationHook' });
export type OperationHookView = z.infer<typeof operationHookView>;

export const operationHookPage = z.object({ items: z.array(operationHookView), nextCursor: z.string().nullable() });
export type OperationHookPage = z.infer<typeof operationHookPage>;

/** The API's view of an operation. `input` and `state` are internal and not part of it. */
export function toOperationView(operation: OperationEntity): OperationView {
  const { id, kind, status, tenantId, subject, done, total, result, error, attempts, instance, createdBy } = operation;
  return {
    id,
    kind,
    status,
    tenantId,
    subject,
    steps: stepsOf(operation),
    progress: done === null || total === null ? null : { done, total },
    result,
    error,
    requiredHooks: operation.requiredHooks,
    attempts,
    runAfter: operation.runAfter.toISOString(),
    instance,
    heartbeatAt: operation.heartbeatAt?.toISOString() ?? null,
    createdBy,
    createdAt: operation.createdAt.toISOString(),
    startedAt: operation.startedAt?.toISOString() ?? null,
    finishedAt: operation.finishedAt?.toISOString() ?? null,
  };
}

export function hasEnded({ status }: Pick<OperationView, 'status'>): boolean {
  return status !== 'pending' && status !== 'running';
}

function stepsOf({ steps, finishedSteps, step: current, status }: OperationEntity): Step[] {
  const statusOfCurrent = status === 'running' || status === 'failed' ? status : 'pending';
  return steps.map((name) => {
    if (finishedSteps.includes(name)) return { name, status: 'finished' };
    return { name, status: name === current ? statusOfCurrent : 'pending' };
  });
}
