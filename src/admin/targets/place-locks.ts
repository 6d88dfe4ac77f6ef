import { type CopyPlace, isSamePlace } from '../../database/copy/copy-place.js';
import { withSchemaLock } from '../../database/table-migrations/locks/schema-lock.js';

/** A place, with the id of the target that it is on. */
export interface LockedPlace extends Pick<CopyPlace, 'client' | 'schema' | 'isAlone'> {
  readonly targetId: string;
}

/**
 * Runs `work` while the tables of neither place are migrated, and no tenant is switched from or to either. Every operation that
 * locks two places does so in the same order, so that none waits for another one that waits for it.
 *
 * @throws the signal's reason while waiting
 */
export async function withPlaceLocks<T>(
  one: LockedPlace,
  other: LockedPlace,
  signal: AbortSignal,
  work: () => Promise<T>,
): Promise<T> {
  if (await isSamePlace(one, other)) return withSchemaLock(one.client, one.schema, signal, work);
  const idOf = ({ targetId, schema }: LockedPlace): string => `${targetId} ${schema}`;
  const [first, second] = idOf(one) < idOf(other) ? [one, other] : [other, one];
  return withSchemaLock(first.client, first.schema, signal, () =>
    withSchemaLock(second.client, second.schema, signal, work),
  );
}
