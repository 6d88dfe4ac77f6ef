import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import type { MoveEntity } from '../../catalog/entities/move.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { copyObstacles } from '../../database/copy/tables/copy-obstacles.js';
import { disableTriggers } from '../../database/copy/tables/user-triggers.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import type { OperationKind, OperationRun, OperationStep } from '../../operations/operation-kind.js';
import { CachedValues } from '../deprovisioning/cached-values.js';
import { Placements } from '../provisioning/placements.js';
import { HookHost } from '../tenant-hooks/hook-host.js';
import { HookSteps } from '../tenant-hooks/hook-steps.js';
import { MoveRefusedError } from './move.errors.js';
import { MovePlacesFinder, type OpenPlace } from './move-places.js';
import { isSwitched } from './switching/gate-keeping.js';
import { SwitchOver } from './switching/switch-over.js';
import { UndoMoveKind } from './undo-move.kind.js';

const Input = z.object({});
type Run = OperationRun<z.infer<typeof Input>>;

/**
 * Takes a move back that is not finished: the rows at the former place are still there, and what has changed since is noted. Of a
 * restore nothing is noted: the rows at the former place are what the tenant gets back. When it fails, the tenant stays where it
 * is, and it can be tried again.
 */
@Injectable()
export class MoveBackKind implements OperationKind<z.infer<typeof Input>> {
  readonly name = 'move-back';
  readonly input = Input;
  private readonly own = [
    { name: 'catch-up', run: (run: Run) => this.catchUp(run) },
    { name: 'switch', run: (run: Run) => this.switchOver(run) },
    { name: 'forget-values', run: (run: Run) => this.forgetValues(run) },
    { name: 'remove', run: (run: Run) => this.remove(run) },
  ];

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly places: MovePlacesFinder,
    private readonly switching: SwitchOver,
    private readonly undo: UndoMoveKind,
    private readonly placements: Placements,
    private readonly cachedValues: CachedValues,
    private readonly hookSteps: HookSteps,
    private readonly host: HookHost,
  ) {}

  get steps(): readonly OperationStep<z.infer<typeof Input>>[] {
    return [...this.own, ...this.hookSteps.for('moved')];
  }

  get hooks(): readonly string[] {
    return this.host.namesFor(['moved']);
  }

  private async catchUp({ signal, tenantId, addResult }: Run): Promise<void> {
    const move = await this.moveOf(tenantId);
    if (await this.withPlaces(tenantId, signal, isSwitched)) return;
    if (move.backupId !== null) await this.migrateFormer(move, signal);
    const changes = await this.withPlaces(tenantId, signal, async (from, to) => {
      if (move.backupId === null) await prepareChanges(from, to);
      await to.gate.set('arriving');
      return this.switching.catchUp(from, to, signal);
    });
    await addResult({ changes });
  }

  /** As the tenant's tables at the other place were meanwhile: no row is brought that would have to fit. */
  private async migrateFormer(move: MoveEntity, signal: AbortSignal): Promise<void> {
    const { to } = await this.places.wayBack(move);
    await this.places.withOne(to, signal, ({ gate }) => gate.set('arriving')); // a migration may write rows
    await this.placements.migrate(to.target, to.schema, signal);
  }

  private async switchOver({ signal, tenantId, addResult }: Run): Promise<void> {
    const move = await this.moveOf(tenantId);
    const { targetId, schema } = await this.catalog.getRepository(TenantEntity).findOneByOrFail({ id: move.tenantId });
    if (targetId === move.fromTargetId && schema === move.fromSchema) return; // before a crash
    const report = await this.withPlaces(tenantId, signal, (from, to) => this.switching.run(move, from, to, signal));
    await addResult({ ...report });
  }

  /** They were made of rows that a restore had brought, and that the tenant no longer has. */
  private async forgetValues({ tenantId, addResult }: Run): Promise<void> {
    const move = await this.places.find(tenantId);
    if (!move || move.backupId === null) return;
    const cache = { redis: await this.cachedValues.forget(move.tenantId) };
    await addResult({ cache, dropped: `what was written since the restore of ${move.movedAt?.toISOString() ?? ''}` });
  }

  /** By an operation of its own, as for a move that was given up. */
  private async remove({ tenantId }: Run): Promise<void> {
    await this.catalog.transaction(async (catalog) => {
      const { id, slug } = await catalog.findOneByOrFail(TenantEntity, { id: tenantId ?? '' });
      await this.undo.request(catalog, id, slug, 'moved');
    });
  }

  private async withPlaces<T>(
    tenantId: string | null,
    signal: AbortSignal,
    work: (from: OpenPlace, to: OpenPlace) => Promise<T>,
  ): Promise<T> {
    return this.places.withBoth(await this.places.wayBack(await this.moveOf(tenantId)), signal, work);
  }

  private async moveOf(tenantId: string | null): Promise<MoveEntity> {
    const move = await this.places.find(tenantId);
    if (!move) throw new ConflictError('the move is over');
    return move;
  }
}

/** @throws MoveRefusedError when the changes cannot be applied at the place that the tenant goes back to */
async function prepareChanges(from: OpenPlace, to: OpenPlace): Promise<void> {
  const obstacles = await copyObstacles(from, to, from.place.tenantId);
  if (obstacles.length > 0) throw new MoveRefusedError(obstacles);
  if (to.isAlone) await disableTriggers(to);
}
