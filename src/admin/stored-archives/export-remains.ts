import type { EntityManager } from 'typeorm';
import type { Remaining } from '../deprovisioning/erasure.schemas.js';

/** What an erasure report says of exports that could not be removed, because the store was away. */
export async function exportRemains(catalog: EntityManager, { id }: { readonly id: string }): Promise<Remaining[]> {
  const [{ count }] = await catalog.query<[{ count: number }]>(
    'SELECT count(*)::int AS count FROM exports WHERE tenant_id = $1',
    [id],
  );
  if (count === 0) return [];
  const what = `exported archives (${count}), which could not be removed`;
  return [{ what, where: 'the store of archives', until: 'the store can be reached: it is tried once an hour' }];
}
