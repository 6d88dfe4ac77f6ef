import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import { MoveEntity } from '../../catalog/entities/move.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import type { OperationRun, OperationStep } from '../../operations/operation-kind.js';
import { ScratchTables, scratchSchemaName } from '../archives/scratch-tables.js';
import { isMissingDatabase, PlaceRemoval, type TenantPlace } from '../deprovisioning/place-removal.js';
import { MoveRefusedError } from './move.errors.js';
import { type MovePlaces, MovePlacesFinder, type OpenPlace } from './move-places.js';
import { isSwitched, removeGate } from './switching/gate-keeping.js';
import { ATTEMPT_MS, SwitchOver } from './switching/switch-over.js';

/** Time in which every instance learns that a tenant moves, or no longer does. */
const SETTLE_MS = 3_000;

/** What several operations on a move have in common. Each part can run again. */
@Injectable()
export class MoveSteps {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly places: MovePlacesFinder,
    private readonly removal: PlaceRemoval,
    private readonly scratch: ScratchTables,
    private readonly switching: SwitchOver,
  ) {}

  /** Every instance asks the gate with each statement of the tenant, or no longer does. Resolves when all know it. */
  async announce(tenantId: string, isMoving: boolean, signal: AbortSignal): Promise<void> {
    await this.catalog.getRepository(TenantEntity).update(tenantId, { isMoving });
    await delay(SETTLE_MS, undefined, { signal });
  }

  /**
   * The steps that end a move: the tenant stays at one place, and what it has at the other one is removed. Where it has worked there,
   * which the catalog has lost, it is served there instead, and nothing is removed. Each step removes nothing of the place at which
   * the catalog has the tenant.
   *
   * @param tenantOf the tenant of a run of the operation
   */
  ending<Input>(
    stays: keyof MovePlaces,
    tenantOf: (run: OperationRun<Input>) => string | null,
  ): OperationStep<Input>[] {
    const left = stays === 'from' ? 'to' : 'from';
    type Work = (places: MovePlaces, run: OperationRun<Input>, move: MoveEntity) => Promise<void>;
    const step = (name: string, work: Work) => ({
      name,
      run: async (run: OperationRun<Input>): Promise<void> => {
        const move = await this.places.find(tenantOf(run));
        const isOver = move === null || move.state === 'moved'; // before a crash
        if (isOver) return;
        const places = await this.places.placesOf(move);
        await this.assertServedAt(places[stays]);
        await work(places, run, move);
      },
    });
    return [
      step('find-rows', (places, run, move) => this.serveWhereRowsAre(places, stays, move, run)),
      step('end-noting', (places, { signal }) => this.endNoting(places[stays], signal)),
      step('remove-left', async (places, { signal, reportProgress }, move) => {
        if (left === 'to' && move.backupId !== null) await this.dropScratch(places.to, move, signal);
        await this.clear(places[left], signal, (rows) => reportProgress(rows, rows));
      }),
      step('forget', (places) => this.catalog.transaction((catalog) => forget(catalog, places[left]))),
    ];
  }

  private async assertServedAt({ tenantId: id, target, schema }: TenantPlace): Promise<void> {
    if (await this.catalog.getRepository(TenantEntity).existsBy({ id, targetId: target.id, schema })) return;
    throw new ConflictError('the tenant is served at the place that would be removed');
  }

  private async serveWhereRowsAre(
    places: MovePlaces,
    stays: keyof MovePlaces,
    move: MoveEntity,
    { signal, addResult }: OperationRun<unknown>,
  ): Promise<void> {
    const both = stays === 'from' ? places : { from: places.to, to: places.from };
    const serve = this.places.withBoth(both, signal, async (staying, left) => {
      if (stays === 'to' && (await staying.gate.state()) === 'arriving') throw new MoveRefusedError([LOST_SWITCH]);
      if (!(await isSwitched(staying, left)) || !(await hasWorked(left, move))) return;
      await this.switching.run(move, staying, left, signal);
      await addResult({ servedAt: left.schema });
      if (stays === 'to') throw new MoveRefusedError([LOST_WAY_BACK]);
    });
    await unlessMissing(serve);
  }

  private async endNoting(place: TenantPlace, signal: AbortSignal): Promise<void> {
    await this.announce(place.tenantId, false, signal);
    await this.removeGateOf(place, signal);
  }

  private async removeGateOf(place: TenantPlace, signal: AbortSignal): Promise<void> {
    await this.places.withOne(place, signal, (open) => removeGate(open, signal));
  }

  /** Of a restore that was given up while it filled its place. */
  private async dropScratch({ target }: TenantPlace, { operationId }: MoveEntity, signal: AbortSignal): Promise<void> {
    await unlessMissing(this.scratch.drop(target, scratchSchemaName(operationId), signal));
  }

  /** Removes the tenant's rows, and the schema, database or login role that were its own. */
  private async clear(place: TenantPlace, signal: AbortSignal, onProgress: (rows: number) => void): Promise<void> {
    // Its trigger would refuse the deletion.
    if (place.isolation !== 'database') await unlessMissing(this.removeGateOf(place, signal));
    await this.removal.removeData(place, signal, onProgress);
    await this.removal.removeRole(place.target, signal);
  }
}

const LOST_SWITCH = 'its rows had not arrived when their server lost its last changes: take the move back';
const LOST_WAY_BACK =
  'it was served at its former place again, which the catalog had lost: take the move back to its end';

/**
 * Whether the tenant has worked at a place whose gate is open, or does so now. If not, it cannot any more. Of a restore, nothing is
 * noted that it writes.
 */
async function hasWorked({ gate }: OpenPlace, { backupId }: MoveEntity): Promise<boolean> {
  if (backupId !== null || !(await gate.tryLock(ATTEMPT_MS.most))) return true;
  try {
    const isWritten = (await gate.changes()) > 0;
    if (!isWritten) await gate.set('closed');
    return isWritten;
  } finally {
    await gate.unlock();
  }
}

/** The move was given up before the database was created, or the database is dropped already. */
async function unlessMissing(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (!isMissingDatabase(error)) throw error;
  }
}

async function forget(catalog: EntityManager, { tenantId, target }: TenantPlace): Promise<void> {
  await catalog.delete(MoveEntity, { tenantId });
  if (target.kind === 'dedicated') await catalog.delete(ConnectionTargetEntity, target.id);
}
