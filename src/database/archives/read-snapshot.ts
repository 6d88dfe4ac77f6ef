import { type CopyPlace, qualified } from '../copy/copy-place.js';
import { interruptible } from '../copy/interruptible.js';
import { exportObstacles } from '../copy/tables/copy-obstacles.js';
import { type CopiedTable, copiedTables } from '../copy/tables/copied-tables.js';
import { lockForReading, SNAPSHOT, transaction } from '../copy/transaction.js';
import { ArchiveRefusedError } from './archive.errors.js';
import { withoutTenant } from './archived-tables.js';

/**
 * Runs `work` in a transaction with one snapshot of the tables that an archive has. Migrations of these tables wait meanwhile,
 * or give way.
 *
 * @throws ArchiveRefusedError, the signal's reason
 */
export async function readSnapshot<T>(
  place: CopyPlace,
  tenantId: string,
  signal: AbortSignal,
  work: (tables: readonly CopiedTable[]) => Promise<T>,
): Promise<T> {
  const { client, schema } = place;
  return interruptible([client], signal, async () => {
    const known = (await copiedTables(client, schema)).flat().map(({ name }) => qualified(place, name));
    return transaction(client, SNAPSHOT, async () => {
      await lockForReading(client, known);
      const obstacles = await exportObstacles(place, tenantId);
      if (obstacles.length > 0) throw new ArchiveRefusedError(obstacles);
      const result = await work(withoutTenant(await copiedTables(client, schema)));
      signal.throwIfAborted();
      return result;
    });
  });
}
