import { z } from 'zod';
import { type Isolation, ISOLATIONS, TENANT_STATUSES, type TenantStatus } from '../../catalog/model/tenant.js';
import { InvalidFleetInputError } from './fleet.errors.js';

const MAX_SLUGS = 10_000;

/** Which tenants work is for; all conditions hold. `{}` is every active tenant. Spare tenants are none. */
export interface TenantFilter {
  readonly isolation?: Isolation | readonly Isolation[];
  /** Names of PostgreSQL servers, as in `tenantry servers`. */
  readonly server?: string | readonly string[];
  /** Default: `active`. Tenants of another status are not served: work with their data fails, as it does in `run`. */
  readonly status?: TenantStatus | readonly TenantStatus[];
  /** At most 10,000. An empty list is no tenant. */
  readonly slugs?: readonly string[];
  readonly createdBefore?: Date;
  /** Inclusive. */
  readonly createdSince?: Date;
}

const oneOrMore = <T extends z.ZodType>(type: T) =>
  z.union([type, z.array(type)]).transform((value) => (Array.isArray(value) ? value : [value]) as z.infer<T>[]);

const schema = z.strictObject({
  isolation: oneOrMore(z.enum(ISOLATIONS)).optional(),
  server: oneOrMore(z.string()).optional(),
  status: oneOrMore(z.enum(TENANT_STATUSES)).prefault('active'),
  slugs: z.array(z.string()).max(MAX_SLUGS).optional(),
  createdBefore: z.date().optional(),
  createdSince: z.date().optional(),
});

/** A filter that has been checked; undefined where there is no condition. Written out, so that declarations do not name zod. */
export interface CheckedFilter {
  readonly isolation?: readonly Isolation[] | undefined;
  readonly server?: readonly string[] | undefined;
  readonly status: readonly TenantStatus[];
  readonly slugs?: readonly string[] | undefined;
  readonly createdBefore?: Date | undefined;
  readonly createdSince?: Date | undefined;
}

/**
 * A value that has been lost on its way here would mean every tenant: so one that is `undefined` is refused, as is a name
 * that does not exist.
 *
 * @throws InvalidFleetInputError
 */
export function checkedFilter(filter: TenantFilter): CheckedFilter {
  const lost = Object.entries(filter ?? {}).find(([, value]) => value === undefined);
  if (lost) throw new InvalidFleetInputError(`the filter of tenants: ${lost[0]} is undefined: leave it out`);
  const parsed = schema.safeParse(filter);
  if (!parsed.success) throw new InvalidFleetInputError(`the filter of tenants: ${z.prettifyError(parsed.error)}`);
  return parsed.data;
}

/** A condition of SQL with its values. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly unknown[];
}

/** They belong to no customer; their status is that of tenants that are being provisioned. */
const NO_SPARE = 't.spare_server_id IS NULL';

/**
 * On tenants `t`, their targets `c` and servers `s`.
 *
 * @param first number of the first parameter
 */
export function conditionOf(filter: CheckedFilter, first: number): Condition {
  const conditions: (readonly [sql: (parameter: string) => string, value: unknown])[] = [
    [(parameter) => `t.isolation = ANY (${parameter}::text[])`, filter.isolation],
    [(parameter) => `s.name = ANY (${parameter}::text[])`, filter.server],
    [(parameter) => `t.status = ANY (${parameter}::text[])`, filter.status],
    [(parameter) => `t.slug = ANY (${parameter}::text[])`, filter.slugs],
    [(parameter) => `t.created_at < ${parameter}::timestamptz`, filter.createdBefore],
    [(parameter) => `t.created_at >= ${parameter}::timestamptz`, filter.createdSince],
  ];
  const given = conditions.filter(([, value]) => value !== undefined);
  return {
    sql: [NO_SPARE, ...given.map(([sql], index) => sql(`$${first + index}`))].join(' AND '),
    values: given.map(([, value]) => value),
  };
}

/** What a `Condition` is on. */
export const TENANTS_WITH_SERVERS = `tenants t
  LEFT JOIN connection_targets c ON c.id = t.target_id
  LEFT JOIN servers s ON s.id = c.server_id`;
