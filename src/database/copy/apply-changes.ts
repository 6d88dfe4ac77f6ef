import { type ChangedTable, fetchChanges, takeChanges } from './changed-rows.js';
import { ChangedRowStatements, isReplaceable } from './changed-row-statements.js';
import type { CopyPlace } from './copy-place.js';
import { assertEqualDigests, digest } from './digests.js';
import { allSettled, interruptible } from './interruptible.js';
import { isTaken, writing } from './refusals.js';
import { setTextForms, setWriting, transaction } from './transaction.js';

/** Rows that refer to one another within a table or a cycle are deleted from the outside inwards; the rest waits. */
const MAX_PASSES = 20;

/**
 * Brings all changes that were noted at the source and committed until now to the destination, whose rows become what they
 * are in one snapshot of the source. Rows that changed are compared at both places before anything is committed: first
 * at the destination, then at the source, where the notes are removed. What a crash between the two leaves is applied again.
 *
 * @returns how many keys of rows were applied; 0 when nothing was left
 * @throws CopyMismatchError, CopyRefusedError, CopyPlacesError, the signal's reason; nothing is changed then
 */
export async function applyChanges(
  from: CopyPlace,
  to: CopyPlace,
  tenantId: string,
  signal: AbortSignal,
): Promise<number> {
  const clients = [from.client, to.client];
  return transaction(from.client, 'BEGIN ISOLATION LEVEL REPEATABLE READ', async () => {
    const taken = await interruptible(clients, signal, async () => {
      await setTextForms(from.client);
      return takeChanges(from, tenantId);
    });
    if (taken === 0) return 0;
    return transaction(to.client, 'BEGIN', () =>
      interruptible(clients, signal, async () => {
        await setWriting(to.client, to.schema);
        await to.client.query('SET CONSTRAINTS ALL DEFERRED');
        const changed = await fetchChanges(from, to, tenantId, signal);
        await new Application(to, tenantId, changed).run();
        await to.client.query('SET CONSTRAINTS ALL IMMEDIATE');
        await verify(from, to, tenantId, changed);
        return changed.reduce((sum, { keyCount }) => sum + keyCount, 0);
      }),
    );
  });
}

class Application {
  private readonly statements: ChangedRowStatements;

  constructor(
    private readonly to: CopyPlace,
    tenantId: string,
    private readonly changed: readonly ChangedTable[],
  ) {
    this.statements = new ChangedRowStatements(to, tenantId);
  }

  /** Deletes first, because new rows may have unique values of deleted ones; what is still referred to, at the end. */
  async run(): Promise<void> {
    await writing(async () => {
      const withGone = this.changed.filter(({ goneCount }) => goneCount > 0);
      if (withGone.length > 0) await this.deleteUnreferenced(withGone.toReversed());
      await this.upsert();
      if (withGone.length > 0) await this.to.client.query(this.statements.deleteAll(withGone));
    });
  }

  private async deleteUnreferenced(changed: readonly ChangedTable[]): Promise<void> {
    for (let pass = 1, deleted = 1; deleted > 0 && pass <= MAX_PASSES; pass += 1) {
      deleted = 0;
      for (const one of changed) {
        const { rowCount } = await this.to.client.query(this.statements.deleteUnreferenced(one));
        deleted += rowCount ?? 0;
      }
    }
  }

  /** Rows may have exchanged unique values, or taken them over from each other; then it depends on the order. */
  private async upsert(): Promise<void> {
    const { changed, statements } = this;
    if (await this.isAccepted(statements.upsertAll(changed))) return;
    const replaced = new Set(changed.filter(({ table }) => isReplaceable(table)));
    if (await this.isAccepted(statements.upsertAll(changed, replaced))) return;
    for (const one of changed) if (!replaced.has(one)) await this.to.client.query(statements.upsertEach(one));
    await this.to.client.query(statements.upsertAll(changed, replaced));
  }

  /** @returns false when a value is taken: then nothing has changed */
  private async isAccepted(statement: string): Promise<boolean> {
    const { client } = this.to;
    await client.query('SAVEPOINT tenantry_upsert');
    try {
      await client.query(statement);
    } catch (error) {
      if (!isTaken(error)) throw error;
      await client.query('ROLLBACK TO tenantry_upsert');
      return false;
    } finally {
      // Nothing to release after an error that ends the transaction.
      if (client.getTransactionStatus() === 'T') await client.query('RELEASE tenantry_upsert');
    }
    return true;
  }
}

async function verify(
  from: CopyPlace,
  to: CopyPlace,
  tenantId: string,
  changed: readonly ChangedTable[],
): Promise<void> {
  await setTextForms(to.client);
  for (const { source, table, keys } of changed) {
    const [expected, applied] = await allSettled([
      digest(from, source, tenantId, keys),
      digest(to, table, tenantId, keys),
    ]);
    assertEqualDigests([expected], [applied]);
  }
}
