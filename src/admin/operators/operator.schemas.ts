import { z } from 'zod';
import { OPERATOR_ROLES } from '../../catalog/model/operator.js';
import { GROUP, group } from '../tenants/tenant.schemas.js';

const MAX_DAYS = 3650;
const MAX_LIMITS = 1_000;

/** Not the names of actors that are no operators: those have a space or are reserved. */
const RESERVED = new Set(['tenantry', 'unidentified']);

export const operatorName = z
  .string()
  .regex(
    /^[a-z0-9](?:[a-z0-9._@-]{0,62})$/,
    'must be a-z, 0-9 and . _ @ -, 1-63 characters, starting with a letter or digit',
  )
  .refine((name) => !RESERVED.has(name) && name !== 'me', 'is reserved');

const expiresInDays = z
  .int()
  .min(1)
  .max(MAX_DAYS)
  .optional()
  .describe('days until the key expires; omitted: it does not expire');

const limitedTo = z
  .strictObject({
    tenants: z.array(z.string().max(63)).max(MAX_LIMITS).default([]).describe("tenants' slugs or ids"),
    groups: z.array(group).max(MAX_LIMITS).default([]),
  })
  .refine(({ tenants, groups }) => tenants.length + groups.length > 0, 'must name a tenant or a group')
  .describe('omitted or null: all tenants, and what concerns the whole installation');

export const newOperator = z
  .strictObject({
    name: operatorName,
    role: z.enum(OPERATOR_ROLES),
    limitedTo: limitedTo.nullable().default(null),
    expiresInDays,
  })
  .refine(isPossible, { message: 'an admin cannot be limited', path: ['limitedTo'] })
  .meta({ id: 'NewOperator', example: { name: 'anna', role: 'operator', limitedTo: { groups: ['emea'] } } });
export type NewOperator = z.infer<typeof newOperator>;

export const operatorChange = z
  .strictObject({ role: z.enum(OPERATOR_ROLES).optional(), limitedTo: limitedTo.nullable().optional() })
  .refine((change) => Object.keys(change).length > 0, 'must contain at least one change')
  .meta({ id: 'OperatorChange', example: { role: 'viewer' } });
export type OperatorChange = z.infer<typeof operatorChange>;

export const newOperatorKey = z.strictObject({ expiresInDays }).meta({ id: 'NewOperatorKey' });
export type NewOperatorKey = z.infer<typeof newOperatorKey>;

export const operatorKeyId = z.string().regex(/^[0-9a-f]{16}$/, "must be the id of an operator's key");

const time = z.iso.datetime();

const operatorKeyView = z
  .object({ id: z.string(), createdAt: time, expiresAt: time.nullable(), revokedAt: time.nullable() })
  .meta({ id: 'OperatorKey' });
export type OperatorKeyView = z.infer<typeof operatorKeyView>;

const limitedToView = z
  .object({ tenants: z.array(z.string()), groups: z.array(z.string().regex(GROUP)) })
  .nullable()
  .describe('null: not limited');

const operatorSessionView = z
  .object({ id: z.string(), createdAt: time, expiresAt: time })
  .meta({ id: 'OperatorSession' });

export const operatorView = z
  .object({
    id: z.guid(),
    name: z.string(),
    role: z.enum(OPERATOR_ROLES),
    limitedTo: limitedToView,
    issuer: z
      .string()
      .nullable()
      .describe('of the OpenID provider that decides about role and limits; null: an operator with keys'),
    keys: z.array(operatorKeyView),
    sessions: z.array(operatorSessionView).describe('those that are open, the newest first'),
    createdAt: time,
    revokedAt: time.nullable(),
  })
  .meta({ id: 'Operator' });
export type OperatorView = z.infer<typeof operatorView>;

export const operatorList = z.object({ items: z.array(operatorView) });
export type OperatorList = z.infer<typeof operatorList>;

export const issuedOperatorKey = z
  .object({
    operator: operatorView,
    token: z.string().describe('returned only here: only a hash of it is stored'),
  })
  .meta({ id: 'IssuedOperatorKey' });
export type IssuedOperatorKey = z.infer<typeof issuedOperatorKey>;

export const currentOperatorView = z
  .object({
    id: z.guid().nullable().describe('null: the caller has the admin key'),
    name: z.string(),
    role: z.enum(OPERATOR_ROLES),
    limitedTo: limitedToView,
  })
  .meta({ id: 'CurrentOperator' });
export type CurrentOperatorView = z.infer<typeof currentOperatorView>;

/** An admin manages operators: one with limits could give itself more. */
export function isPossible({
  role,
  limitedTo: limits,
}: {
  readonly role: string;
  readonly limitedTo: object | null;
}): boolean {
  return role !== 'admin' || limits === null;
}
