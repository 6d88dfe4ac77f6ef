import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { ISOLATIONS } from '../../catalog/model/tenant.js';
import { digestRows, type TableDigest } from '../../database/copy/digests.js';
import { interruptible } from '../../database/copy/interruptible.js';
import { copiedTables } from '../../database/copy/tables/copied-tables.js';
import type { OperationKind, OperationRun, OperationStep } from '../../operations/operation-kind.js';
import { ArchiveFilling } from '../archives/archive-filling.js';
import type { ArchiveGoal } from '../archives/scratch-copy.js';
import { CachedValues } from '../deprovisioning/cached-values.js';
import type { OpenPlace } from '../moves/move-places.js';
import { NewPlace } from '../moves/new-place.js';
import { UndoMoveKind } from '../moves/undo-move.kind.js';
import { HookHost } from '../tenant-hooks/hook-host.js';
import { HookSteps } from '../tenant-hooks/hook-steps.js';

const Input = z.object({ backupId: z.guid(), isolation: z.enum(ISOLATIONS), serverId: z.guid() });
type Input = z.infer<typeof Input>;
type Run = OperationRun<Input>;

/** What the operation's result says to do. */
const WAY_BACK =
  'The former rows stay until "tenants move-finish". Until then "tenants move-back" brings them back, and drops what is written meanwhile.';
const SHARED_AGAIN =
  'The tenant has left the shared tables. Once the restore is finished, "tenants move --isolation row" brings it there again.';

/** A table whose rows are not those of the backup. */
interface TableDifference {
  readonly table: string;
  /** In the backup. */
  readonly rows: number;
  /** At the former place, shortly before the switch. */
  readonly formerRows: number;
}

/**
 * Restores a backup over the tenant that was backed up: a move to a new place whose rows come from the backup. The tenant works
 * at its former place until the switch, and can be taken back to it until the restore is finished.
 */
@Injectable()
export class RestoreKind implements OperationKind<Input> {
  readonly name = 'restore';
  readonly input = Input;

  constructor(
    private readonly newPlace: NewPlace,
    private readonly filling: ArchiveFilling,
    private readonly cachedValues: CachedValues,
    private readonly undo: UndoMoveKind,
    private readonly hookSteps: HookSteps,
    private readonly host: HookHost,
  ) {}

  get steps(): readonly OperationStep<Input>[] {
    return [
      { name: 'choose-place', run: (run) => this.choosePlace(run) },
      { name: 'prepare-place', run: (run) => this.newPlace.prepare(run) },
      ...this.filling
        .steps<Input>({ goalOf: (run) => this.goal(run), sourceOf: ({ backupId: id }) => ({ kind: 'backup', id }) })
        .map(({ name, run: fill }) => ({ name, run: (run: Run) => this.unlessSwitched(run, fill) })),
      { name: 'compare', run: (run) => this.compare(run) },
      { name: 'open-gates', run: (run) => this.newPlace.openGates(run, { isNoting: false }) },
      { name: 'switch', run: (run) => this.switchOver(run) },
      { name: 'forget-values', run: (run) => this.forgetValues(run) },
      ...this.hookSteps.for('moved'),
    ];
  }

  get hooks(): readonly string[] {
    return this.host.namesFor(['moved']);
  }

  /** What was made is removed by an operation of its own; the tenant is where it was. */
  onFailed(catalog: EntityManager, { tenantId, subject }: OperationEntity): Promise<void> {
    return this.undo.request(catalog, tenantId ?? '', subject, 'moving');
  }

  onCancelled(catalog: EntityManager, operation: OperationEntity): Promise<void> {
    return this.onFailed(catalog, operation);
  }

  onRetried(catalog: EntityManager, { tenantId }: OperationEntity): Promise<void> {
    return this.newPlace.assertSwitched(catalog, tenantId);
  }

  /** Named after the operation: what has the tenant's own name may be where it is now. */
  private async choosePlace(run: Run): Promise<void> {
    const { id, input } = run;
    await this.newPlace.choose(run, { ...input, namedAfter: id });
    await run.addResult({ backup: input.backupId });
  }

  private async goal(run: Run): Promise<ArchiveGoal> {
    const { to } = await this.newPlace.placesOf(run);
    return { ...to, isAlone: to.isolation !== 'row' };
  }

  private async unlessSwitched(run: Run, fill: (run: Run) => Promise<void>): Promise<void> {
    if (!(await this.newPlace.isSwitched(run))) await fill(run);
  }

  private async compare(run: Run): Promise<void> {
    const differences = await this.newPlace.withBoth(run, (from, to) =>
      interruptible([from.client, to.client], run.signal, () => differencesBetween(from, to)),
    );
    await run.addResult({ differences });
  }

  /** No change is noted, so that only older transactions are waited for. */
  private async switchOver(run: Run): Promise<void> {
    await this.newPlace.switchOver(run);
    const { from, to } = await this.newPlace.placesOf(run);
    const left = from.isolation === 'row' && to.isolation !== 'row' && from.target.serverId === to.target.serverId;
    await run.addResult({ notes: left ? [WAY_BACK, SHARED_AGAIN] : [WAY_BACK] });
  }

  /** They were made of rows that the tenant no longer has. */
  private async forgetValues({ tenantId, addResult }: Run): Promise<void> {
    await addResult({ cache: { redis: await this.cachedValues.forget(tenantId ?? '') } });
  }
}

async function differencesBetween(from: OpenPlace, to: OpenPlace): Promise<TableDifference[]> {
  const { tenantId } = from.place;
  const tables = (await copiedTables(to.client, to.schema)).flat();
  const restored = await digestRows(to, tables, tenantId);
  const former = new Map((await digestRows(from, tables, tenantId)).map((digest) => [digest.table, digest]));
  return restored
    .map((digest) => [digest, former.get(digest.table)] as const)
    .filter(([{ hash, rows }, other]) => other?.hash !== hash || other.rows !== rows)
    .map(([{ table, rows }, other]: readonly [TableDigest, TableDigest | undefined]) => ({
      ...{ table, rows },
      formerRows: other?.rows ?? 0,
    }));
}
