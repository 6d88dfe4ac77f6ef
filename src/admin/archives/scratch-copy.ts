import { Injectable } from '@nestjs/common';
import type { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import { ArchiveTablesError } from '../../database/archives/archive.errors.js';
import {
  advanceSequences,
  type ColumnSequence,
  columnSequences,
  sequenceObstacles,
  sequencesOfRows,
} from '../../database/copy/bring-sequences.js';
import type { CopyPlace } from '../../database/copy/copy-place.js';
import { type CopyOptions, copyRows } from '../../database/copy/copy-rows.js';
import { copyObstacles } from '../../database/copy/tables/copy-obstacles.js';
import { disableTriggers, enableTriggers } from '../../database/copy/tables/user-triggers.js';
import { withSchemaLock } from '../../database/table-migrations/locks/schema-lock.js';
import { differingMigrations } from '../../database/table-migrations/versions/differing-migrations.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { ScratchTables } from './scratch-tables.js';

/** Where a tenant is going to have the rows of an archive. */
export interface ArchiveGoal {
  readonly target: ConnectionTargetEntity;
  readonly schema: string;
  readonly tenantId: string;
  /** Whether the tenant is alone in the tables. */
  readonly isAlone: boolean;
}

/** Brings rows from scratch tables to the place of their tenant, in the same database. */
@Injectable()
export class ScratchCopy {
  constructor(
    private readonly scratch: ScratchTables,
    private readonly targets: TargetDatabases,
  ) {}

  /**
   * No migration of the tables at the place begins before the rows are there.
   *
   * @throws ArchiveTablesError (the tables differ, or other tenants' sequences would suffer), the errors of `copyRows`
   */
  run(scratchSchema: string, { target, schema, tenantId, isAlone }: ArchiveGoal, options: CopyOptions): Promise<void> {
    const { signal } = options;
    return this.scratch.use(target, scratchSchema, signal, (from) =>
      this.targets.use(
        target,
        (client) =>
          withSchemaLock(client, schema, signal, () =>
            copyScratch(from, { client, schema, isAlone }, tenantId, options),
          ),
        { signal },
      ),
    );
  }
}

async function copyScratch(from: CopyPlace, to: CopyPlace, tenantId: string, options: CopyOptions): Promise<void> {
  await assertSameTables(from, to, tenantId);
  const sequences = to.isAlone ? await columnSequences(from) : await sharedSequences(from, to);
  if (to.isAlone) await disableTriggers(to);
  await copyRows(from, to, tenantId, options);
  await advanceSequences(to, sequences);
  if (to.isAlone) await enableTriggers(to, from);
}

/** The archive's own word does not count for sequences that other tenants use. @throws ArchiveTablesError */
async function sharedSequences(from: CopyPlace, to: CopyPlace): Promise<readonly ColumnSequence[]> {
  const sequences = await sequencesOfRows(from);
  const obstacles = await sequenceObstacles(to, sequences);
  if (obstacles.length > 0) throw new ArchiveTablesError(`${obstacles.join('; ')}: import it with another isolation`);
  return sequences;
}

/** @throws ArchiveTablesError */
async function assertSameTables(from: CopyPlace, to: CopyPlace, tenantId: string): Promise<void> {
  if (await differingMigrations(from, to)) {
    throw new ArchiveTablesError('the tables of its new place are at another version than the code: migrate first');
  }
  const obstacles = await copyObstacles(from, to, tenantId);
  if (obstacles.length > 0) throw new ArchiveTablesError(obstacles.join('; '));
}
