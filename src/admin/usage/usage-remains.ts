import type { EntityManager } from 'typeorm';
import type { Remaining } from '../deprovisioning/erasure.schemas.js';

const LEFT = 'SELECT count(*)::int AS count FROM usage_hours WHERE tenant_id = $1';

/** Bills are written after a deletion: the figures stay under the tenant's id, with which no name is kept. */
export function usageRemains(retentionDays: number) {
  return async (catalog: EntityManager, { id }: { readonly id: string }): Promise<readonly Remaining[]> => {
    const [{ count }] = await catalog.query<[{ count: number }]>(LEFT, [id]);
    if (count === 0) return [];
    const what = `figures of usage for ${count} hour(s), under the id: counts and times, no content`;
    return [{ what, where: 'catalog', until: `each is ${retentionDays} days old` }];
  };
}
