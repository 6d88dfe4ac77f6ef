import { Injectable } from '@nestjs/common';
import type pg from 'pg';
import { bringSequences } from '../../database/copy/bring-sequences.js';
import type { CopyPlace } from '../../database/copy/copy-place.js';
import { copyRows } from '../../database/copy/copy-rows.js';
import type { TableDigest } from '../../database/copy/digests.js';
import { copyObstacles } from '../../database/copy/tables/copy-obstacles.js';
import { disableTriggers, enableTriggers } from '../../database/copy/tables/user-triggers.js';
import { differingMigrations } from '../../database/table-migrations/versions/differing-migrations.js';
import { StepPostponedError } from '../../operations/operation.errors.js';
import { CONSIDERATE } from '../../database/copy/streams/transfer-meter.js';
import { type LockedPlace, withPlaceLocks } from '../targets/place-locks.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { CloneMasks, type MaskedColumns } from './clone-masks.js';
import { type CloneSource, CloneSources } from './clone-sources.js';
import { CloneRefusedError } from './clone.errors.js';

const MOVED = { code: 'TENANT_MOVED', message: 'the tenant that is cloned was moved' };
const AGAIN_SECONDS = 1;

/** The new tenant, whose tables are there. */
export type CloneGoal = CloneSource;

export interface CloneCopyOptions {
  readonly signal: AbortSignal;
  readonly masked: MaskedColumns;
  readonly onProgress: (copied: number, estimated: number) => void;
}

/** Copies the rows of a tenant, which go on changing, as those of a new one. Can run again after a failure at any point. */
@Injectable()
export class CloneCopy {
  constructor(
    private readonly sources: CloneSources,
    private readonly masks: CloneMasks,
    private readonly targets: TargetDatabases,
  ) {}

  /** Finds what would be in the way before anything is made. @throws CloneRefusedError */
  async check(sourceId: string, { signal, masked }: Pick<CloneCopyOptions, 'signal' | 'masked'>): Promise<void> {
    const source = await this.sources.find(sourceId);
    const check = async (client: pg.Client): Promise<void> =>
      void (await this.masks.for(masked, placeOf(source, client)));
    await this.targets.use(source.target, check, { signal });
  }

  /**
   * While it is copied, the tables of neither place are migrated, and the tenant is not switched to another place. It may be
   * deleted: then its rows were read before, or the copy fails.
   *
   * @throws CloneRefusedError, StepPostponedError (it was moved before it could be read), and as `copyRows` does
   */
  async run(sourceId: string, goal: CloneGoal, options: CloneCopyOptions): Promise<TableDigest[]> {
    const source = await this.sources.find(sourceId);
    const { signal } = options;
    try {
      return await this.targets.use(
        source.target,
        (reading) =>
          this.targets.use(
            goal.target,
            (writing) => this.copyLocked(source, goal, [placeOf(source, reading), placeOf(goal, writing)], options),
            { signal },
          ),
        { signal },
      );
    } catch (error) {
      signal.throwIfAborted();
      await this.explain(source, error);
      throw error;
    }
  }

  private copyLocked(
    source: CloneSource,
    goal: CloneGoal,
    [from, to]: readonly [LockedPlace, LockedPlace],
    { signal, masked, onProgress }: CloneCopyOptions,
  ): Promise<TableDigest[]> {
    return withPlaceLocks(from, to, signal, async () => {
      if (await this.sources.hasMoved(source)) throw new StepPostponedError(AGAIN_SECONDS, MOVED);
      await assertSameMigrations(from, to);
      const masks = await this.masks.for(masked, from);
      const obstacles = await copyObstacles(from, to, source.tenantId, goal.tenantId);
      if (obstacles.length > 0) throw new CloneRefusedError(obstacles);
      if (to.isAlone) await disableTriggers(to);
      const options = { signal, onProgress, asTenant: goal.tenantId, masks, pace: CONSIDERATE };
      const digests = await copyRows(from, to, source.tenantId, options);
      await this.sources.find(source.tenantId); // its rows were not being deleted while they were read
      await bringSequences(from, to);
      if (to.isAlone) await enableTriggers(to, from);
      return digests;
    });
  }

  /** What reading a schema that is dropped meanwhile ends with says little. */
  private async explain(source: CloneSource, error: unknown): Promise<void> {
    if (error instanceof CloneRefusedError || error instanceof StepPostponedError) return;
    try {
      if (!(await this.sources.hasMoved(source))) return;
    } catch (reason) {
      if (reason instanceof CloneRefusedError) throw new CloneRefusedError(reason.obstacles, error);
      return; // the catalog is away, too: the first error says more
    }
    throw new StepPostponedError(AGAIN_SECONDS, MOVED, error);
  }
}

function placeOf({ schema, isAlone, target }: CloneSource, client: pg.Client): LockedPlace {
  return { client, schema, isAlone, targetId: target.id };
}

/** @throws CloneRefusedError */
async function assertSameMigrations(from: CopyPlace, to: CopyPlace): Promise<void> {
  const different = await differingMigrations(from, to);
  if (!different) return;
  throw new CloneRefusedError([
    `its tables are at ${different.one}, those of the new tenant at ${different.other}: migrate first, and retry the operation`,
  ]);
}
