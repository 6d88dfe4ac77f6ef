import { type CopyPlace, qualified } from '../copy-place.js';
import { interruptible } from '../interruptible.js';
import type { CopiedTable } from '../tables/copied-tables.js';

/**
 * For a place whose tables have just been filled: the first statements there would otherwise be planned as if they were empty.
 * Shared tables have statistics already.
 */
export async function collectStatistics(
  place: CopyPlace,
  tables: readonly CopiedTable[],
  signal: AbortSignal,
): Promise<void> {
  if (!place.isAlone) return;
  await interruptible([place.client], signal, async () => {
    for (const table of tables) await place.client.query(`ANALYZE ${qualified(place, table.name)}`);
  });
}
