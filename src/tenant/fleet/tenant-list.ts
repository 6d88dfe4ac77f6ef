import type { DataSource } from 'typeorm';
import { type CheckedFilter, conditionOf, TENANTS_WITH_SERVERS } from './tenant-filter.js';
import type { TenantIdentity } from './tenant-results.js';

/** Few enough that what is read is soon in work, many enough that reading costs nothing against the work. */
const PAGE = 200;

/** Lower than any tenant's id. */
const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';

/** The tenants of a filter in the order of their ids, page by page: never all of them in memory. */
export async function* tenantsOf(
  catalog: Pick<DataSource, 'query'>,
  filter: CheckedFilter,
): AsyncGenerator<TenantIdentity, void, undefined> {
  const { sql, values } = conditionOf(filter, 2);
  const text = `SELECT t.id, t.slug FROM ${TENANTS_WITH_SERVERS} WHERE t.id > $1 AND ${sql} ORDER BY t.id LIMIT ${PAGE}`;
  let last = BEFORE_ALL;
  for (;;) {
    const page = await catalog.query<TenantIdentity[]>(text, [last, ...values]);
    yield* page;
    if (page.length < PAGE) return;
    last = page.at(-1)!.id;
  }
}

export async function countTenants(catalog: Pick<DataSource, 'query'>, filter: CheckedFilter): Promise<number> {
  const { sql, values } = conditionOf(filter, 1);
  const text = `SELECT count(*)::int AS count FROM ${TENANTS_WITH_SERVERS} WHERE ${sql}`;
  const [row] = await catalog.query<{ count: number }[]>(text, [...values]);
  return row?.count ?? 0;
}
