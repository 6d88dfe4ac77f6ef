import { Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { ISOLATIONS } from '../../catalog/model/tenant.js';
import { copyObstacles } from '../../database/copy/tables/copy-obstacles.js';
import { copyNotedRows } from '../../database/copy/resuming/copy-noted-rows.js';
import { disableTriggers } from '../../database/copy/tables/user-triggers.js';
import type { OperationKind, OperationRun, OperationStep } from '../../operations/operation-kind.js';
import { COPY_PACES } from '../../database/copy/streams/transfer-meter.js';
import { HookHost } from '../tenant-hooks/hook-host.js';
import { HookSteps } from '../tenant-hooks/hook-steps.js';
import { MoveRefusedError } from './move.errors.js';
import { DEFAULT_PACE, movePace } from './move.schemas.js';
import { NewPlace } from './new-place.js';
import { SwitchOver } from './switching/switch-over.js';
import { UndoMoveKind } from './undo-move.kind.js';

const Input = z.object({ isolation: z.enum(ISOLATIONS), serverId: z.guid(), pace: movePace.default(DEFAULT_PACE) });
type Input = z.infer<typeof Input>;
type Run = OperationRun<Input>;

/**
 * Moves a tenant to another isolation or server while it works: its rows are copied, its changes meanwhile are noted by triggers
 * and applied, and only for the last of them its writes wait.
 */
@Injectable()
export class MoveKind implements OperationKind<Input> {
  readonly name = 'move';
  readonly input = Input;
  private readonly own = [
    { name: 'choose-place', run: (run: Run) => this.choosePlace(run) },
    { name: 'prepare-place', run: (run: Run) => this.preparePlace(run) },
    { name: 'note-changes', run: (run: Run) => this.newPlace.openGates(run, { isNoting: true }) },
    { name: 'copy', run: (run: Run) => this.copy(run) },
    { name: 'catch-up', run: (run: Run) => this.catchUp(run) },
    { name: 'switch', run: (run: Run) => this.newPlace.switchOver(run) },
  ];

  constructor(
    private readonly newPlace: NewPlace,
    private readonly switching: SwitchOver,
    private readonly undo: UndoMoveKind,
    private readonly hookSteps: HookSteps,
    private readonly host: HookHost,
  ) {}

  get steps(): readonly OperationStep<Input>[] {
    return [...this.own, ...this.hookSteps.for('moved')];
  }

  get hooks(): readonly string[] {
    return this.host.namesFor(['moved']);
  }

  /** What was made for the move is removed by an operation of its own; the tenant is where it was. */
  onFailed(catalog: EntityManager, { tenantId, subject }: OperationEntity): Promise<void> {
    return this.undo.request(catalog, tenantId ?? '', subject, 'moving');
  }

  onCancelled(catalog: EntityManager, operation: OperationEntity): Promise<void> {
    return this.onFailed(catalog, operation);
  }

  onRetried(catalog: EntityManager, { tenantId }: OperationEntity): Promise<void> {
    return this.newPlace.assertSwitched(catalog, tenantId);
  }

  private choosePlace(run: Run): Promise<void> {
    return this.newPlace.choose(run, { ...run.input, namedAfter: run.tenantId ?? '', backupId: null });
  }

  private async preparePlace(run: Run): Promise<void> {
    await this.newPlace.prepare(run);
    const obstacles = await this.newPlace.withBoth(run, (from, to) => copyObstacles(from, to, from.place.tenantId));
    if (obstacles.length > 0) throw new MoveRefusedError(obstacles);
  }

  private async copy(run: Run): Promise<void> {
    if (await this.newPlace.isSwitched(run)) return;
    const { id, input, signal, tenantId, reportProgress } = run;
    const options = { signal, copyId: id, onProgress: reportProgress, pace: COPY_PACES[input.pace] };
    const digests = await this.newPlace.withBoth(run, async (from, to) => {
      if (to.isAlone) await disableTriggers(to);
      return copyNotedRows(from, to, tenantId ?? '', options);
    });
    await run.addResult({ tables: digests.length, rows: digests.reduce((sum, { rows }) => sum + rows, 0) });
  }

  private async catchUp(run: Run): Promise<void> {
    if (await this.newPlace.isSwitched(run)) return;
    const changes = await this.newPlace.withBoth(run, (from, to) => this.switching.catchUp(from, to, run.signal));
    await run.addResult({ changes });
  }
}
