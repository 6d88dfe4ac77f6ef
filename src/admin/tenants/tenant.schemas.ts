import { z } from 'zod';
import { tenantLimits } from '../../catalog/model/limits.js';
import { isSlug, SLUG } from '../../catalog/model/slug.js';
import { ISOLATIONS, TENANT_STATUSES } from '../../catalog/model/tenant.js';
import { boundedText } from '../../http/input/bounded-text.js';
import { wholeNumber } from '../../http/input/whole-number.js';
import { isUuid } from '../../platform/uuid.js';
import { placementLabels } from '../placement/placement.schemas.js';
import { planName } from '../plans/setting.schemas.js';
import { operationView } from '../operations/operation.schemas.js';

const SECONDS_PER_DAY = 86_400;
const MAX_DOMAINS = 100;
const MAX_GROUPS = 20;
const MAX_NEW_TENANTS = 1_000;

/**
 * A host name in ASCII (an international one in its `xn--` form): RFC 1035 §2.3.1 and §2.3.4, with at least one dot.
 */
const DOMAIN = /^(?=.{4,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])$/;

export const slug = z
  .string()
  .refine(isSlug, 'must be a DNS label that is not reserved: a-z, 0-9 and -, 1-63 characters, starting with a letter')
  .refine((text) => !isUuid(text), 'must not have the form of an id');

const domain = z
  .string()
  .max(253)
  .toLowerCase()
  .refine((name) => DOMAIN.test(name), 'must be an ASCII host name with at least one dot');

export const domains = z
  .array(domain)
  .max(MAX_DOMAINS)
  .transform((names) => [...new Set(names)].toSorted());

/** By which operators may be limited to some tenants. */
export const GROUP = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/;
export const group = z.string().regex(GROUP, 'must be a-z, 0-9 and -, 1-63 characters');

const groups = z
  .array(group)
  .max(MAX_GROUPS)
  .transform((names) => [...new Set(names)].toSorted());

export const limits = tenantLimits.describe("omitted fields use the plan's limits, else those of the environment");

export const serverName = z
  .string()
  .regex(/^[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'must be a-z, 0-9 and -, 1-63 characters, starting with a letter');

export const newTenant = z
  .strictObject({
    slug,
    isolation: z.enum(ISOLATIONS),
    server: serverName
      .optional()
      .describe("name of the server for its data; by default one that fits `placement`, without that the catalog's"),
    placement: placementLabels.optional(),
    plan: planName.optional().describe('name of its plan'),
    limits: limits.default({}),
    domains: domains.default([]),
    groups: groups.optional().describe('by which operators may be limited to some tenants'),
  })
  .meta({ id: 'NewTenant', example: { slug: 'hooli', isolation: 'schema' } });
export type NewTenant = z.infer<typeof newTenant>;

export const newTenants = z.strictObject({ tenants: z.array(newTenant).min(1).max(MAX_NEW_TENANTS) }).meta({
  id: 'NewTenants',
  example: {
    tenants: [
      { slug: 'hooli', isolation: 'row' },
      { slug: 'initech', isolation: 'schema', server: 'eu-2' },
      { slug: 'globex', isolation: 'schema', placement: { region: 'eu' } },
    ],
  },
});
export type NewTenants = z.infer<typeof newTenants>;

export const tenantChange = z
  .strictObject({
    plan: planName.nullable().optional().describe('name of its plan; null: none'),
    limits: limits.optional(),
    domains: domains.optional().describe('the complete list: other domains are removed'),
    groups: groups.optional().describe('the complete list'),
    placement: placementLabels
      .nullable()
      .optional()
      .describe('labels that its server must have whenever it is moved; moves nothing by itself. null: none'),
  })
  .refine((change) => Object.keys(change).length > 0, 'must contain at least one change')
  .meta({ id: 'TenantChange', example: { limits: { maxConcurrentStatements: 5 }, domains: ['shop.hooli.com'] } });
export type TenantChange = z.infer<typeof tenantChange>;

export const maintenance = z
  .strictObject({ message: boundedText(500).optional().describe('shown to callers during the maintenance') })
  .meta({ id: 'Maintenance', example: { message: 'back at 14:00 UTC' } });
export type Maintenance = z.infer<typeof maintenance>;

export const deletion = z.strictObject({
  graceSeconds: wholeNumber(0, 90 * SECONDS_PER_DAY)
    .default(7 * SECONDS_PER_DAY)
    .describe('seconds until the data is deleted; until then the tenant can be restored'),
});
export type Deletion = z.infer<typeof deletion>;

export const tenantFilter = z.strictObject({
  status: z.enum(TENANT_STATUSES).optional(),
  isolation: z.enum(ISOLATIONS).optional(),
  server: serverName.optional(),
  group: group.optional(),
  plan: planName.optional(),
  search: z
    .string()
    .max(63)
    .regex(/^[a-z0-9-]*$/, 'must be part of a slug')
    .optional()
    .describe('part of the slug'),
  limit: wholeNumber(1, 1000).default(100).describe('maximum number of tenants to return'),
  cursor: z
    .string()
    .regex(SLUG, 'must be the nextCursor of another page')
    .optional()
    .describe('`nextCursor` of the previous page'),
});
export type TenantFilter = z.infer<typeof tenantFilter>;

const time = z.iso.datetime();

export const tenantView = z
  .object({
    id: z.guid(),
    slug: z.string(),
    status: z.enum(TENANT_STATUSES),
    isolation: z.enum(ISOLATIONS),
    server: z.string().nullable(),
    database: z.string().nullable(),
    schema: z.string().nullable(),
    schemaVersion: z.string().nullable().describe('newest migration of its tables'),
    plan: z.string().nullable(),
    limits,
    domains: z.array(z.string()),
    groups: z.array(z.string()),
    placement: placementLabels.nullable().describe('labels that its server must have; null: none were asked for'),
    message: z.string().nullable(),
    version: z.int(),
    createdAt: time,
    updatedAt: time,
  })
  .meta({ id: 'Tenant' });
export type TenantView = z.infer<typeof tenantView>;

export const tenantPage = z.object({ items: z.array(tenantView), nextCursor: z.string().nullable() });
export type TenantPage = z.infer<typeof tenantPage>;

const tenantsOf = z.record(z.string(), z.int());

export const tenantCountsView = z
  .object({
    total: z.int(),
    byStatus: tenantsOf.describe('statuses without tenants are left out'),
    byIsolation: tenantsOf,
    byServer: tenantsOf.describe('by name; tenants that have no place yet are not in it'),
    byPlan: tenantsOf.describe('by name; tenants without a plan are not in it'),
  })
  .meta({ id: 'TenantCounts' });
export type TenantCountsView = z.infer<typeof tenantCountsView>;

export const createdTenantView = z
  .object({ tenant: tenantView, operation: operationView.describe('the operation that provisions the tenant') })
  .meta({ id: 'CreatedTenant' });
export type CreatedTenantView = z.infer<typeof createdTenantView>;
