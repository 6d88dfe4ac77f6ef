import type { EntityManager } from 'typeorm';
import type { Remaining } from '../deprovisioning/erasure.schemas.js';

const LEFT = `
  SELECT count(*)::int AS count, to_char(max(expires_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI "UTC"') AS until
  FROM backups WHERE tenant_id = $1`;

/** What an erasure report says of backups: the key of the tenant is gone, and their objects expire. */
export async function backupRemains(catalog: EntityManager, { id }: { readonly id: string }): Promise<Remaining[]> {
  const [{ count, until }] = await catalog.query<[{ count: number; until: string | null }]>(LEFT, [id]);
  if (count === 0) return [];
  const what = `encrypted backups (${count}), which nothing can open: their key was deleted with the tenant`;
  return [{ what, where: 'the store of backups', until: until && `${until}, when their objects are removed` }];
}
