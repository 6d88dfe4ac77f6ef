import type pg from 'pg';
import { ChangedRows, type ChangedTable, type CopiedRows, takeChanges } from './changed-rows.js';
import { ChangedRowStatements } from './changed-row-statements.js';
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
  return transaction(from.client, TAKING, async () => {
    await interruptible([from.client], signal, () => setTextForms(from.client));
    return applyTaken(from, to, tenantId, { signal });
  });
}

/** How the transaction at the source begins in which changes are taken: it sees one state of the rows and of their notes. */
export const TAKING = 'BEGIN ISOLATION LEVEL REPEATABLE READ';

/**
 * The same in a transaction that the caller has begun at the source, once in each. Notes are removed with its end, also those of
 * rows that are not among the `copied` ones: these are read later in the same transaction, or noted still if it fails.
 */
export async function applyTaken(
  from: CopyPlace,
  to: CopyPlace,
  tenantId: string,
  { signal, copied }: { readonly signal: AbortSignal; readonly copied?: CopiedRows },
): Promise<number> {
  const clients = [from.client, to.client];
  if ((await interruptible([from.client], signal, () => takeChanges(from, tenantId))) === 0) return 0;
  return transaction(to.client, 'BEGIN', () =>
    interruptible(clients, signal, async () => {
      await setWriting(to.client, to.schema);
      await to.client.query('SET CONSTRAINTS ALL DEFERRED');
      const changed = await ChangedRows.fetch(from, to, tenantId, { signal, copied });
      if (changed.tables.length === 0) return 0;
      const keyCount = changed.tables.reduce((sum, table) => sum + table.keyCount, 0);
      await new Application(to, tenantId, changed).run();
      await to.client.query('SET CONSTRAINTS ALL IMMEDIATE');
      await verify(from, to, tenantId, changed.tables);
      return keyCount;
    }),
  );
}

class Application {
  private readonly statements: ChangedRowStatements;

  constructor(
    private readonly to: CopyPlace,
    tenantId: string,
    private readonly changed: ChangedRows,
  ) {
    this.statements = new ChangedRowStatements(to, tenantId);
  }

  /** Deletes first, because new rows may have unique values of deleted ones; what is still referred to, at the end. */
  async run(): Promise<void> {
    await writing(async () => {
      if (this.withGone.length > 0) await this.deleteUnreferenced(this.withGone.toReversed());
      await this.upsert();
      if (this.withGone.length > 0) await this.to.client.query(this.statements.deleteAll(this.withGone, 'gone'));
    });
  }

  private get withGone(): readonly ChangedTable[] {
    return this.changed.tables.filter(({ goneCount }) => goneCount > 0);
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

  /**
   * Where unique values moved from row to row, it depends on the order, which is found by trying each row. Where they were
   * exchanged, no order is right: all changed rows of that table are deleted first, with what refers to them.
   */
  private async upsert(): Promise<void> {
    const { changed, statements } = this;
    const { client } = this.to;
    if ((await this.findTaken()) === undefined) return;
    for (const table of changed.tables) await client.query(statements.upsertEach(table));
    const cleared = new Set<string>();
    for (let taken = await this.findTaken(); taken; taken = await this.findTaken()) {
      const table = await this.tableOf(taken);
      if (cleared.has(table)) throw taken; // by a row that is not among the changed ones
      cleared.add(table);
      const referring = await changed.withReferring(table);
      if (referring.length === 0) throw taken;
      await client.query(statements.deleteAll(referring, 'keys'));
    }
  }

  /** @returns undefined when all rows were written, else the error, and then none was */
  private async findTaken(): Promise<pg.DatabaseError | undefined> {
    const { client } = this.to;
    await client.query('SAVEPOINT tenantry_upsert');
    try {
      await client.query(this.statements.upsertAll(this.changed.tables));
    } catch (error) {
      if (!isTaken(error)) throw error;
      await client.query('ROLLBACK TO tenantry_upsert; RELEASE tenantry_upsert');
      return error;
    }
    await client.query('RELEASE tenantry_upsert');
    return undefined;
  }

  /** The error names the partition, where there are any. */
  private async tableOf({ schema, table }: pg.DatabaseError): Promise<string> {
    const { rows } = await this.to.client.query<{ name: string }>(
      `SELECT coalesce(root.relname, c.relname) AS name
       FROM pg_class c LEFT JOIN pg_class root ON root.oid = pg_partition_root(c.oid) AND root.relnamespace = c.relnamespace
       WHERE c.oid = to_regclass(format('%I.%I', $1::text, $2::text))`,
      [schema, table],
    );
    return rows[0]?.name ?? '';
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
      digest(from, source, tenantId, { keys }),
      digest(to, table, tenantId, { keys }),
    ]);
    assertEqualDigests([expected], [applied]);
  }
}
