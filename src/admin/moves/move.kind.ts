import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { MoveEntity } from '../../catalog/entities/move.entity.js';
import type { OperationEntity } from '../../catalog/entities/operation.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { ISOLATIONS } from '../../catalog/model/tenant.js';
import { copyObstacles } from '../../database/copy/tables/copy-obstacles.js';
import { copyRows } from '../../database/copy/copy-rows.js';
import { disableTriggers } from '../../database/copy/tables/user-triggers.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import type { OperationKind, OperationRun, OperationStep } from '../../operations/operation-kind.js';
import { HookHost } from '../tenant-hooks/hook-host.js';
import { HookSteps } from '../tenant-hooks/hook-steps.js';
import { schemaNameOf } from '../provisioning/names.js';
import { Placements } from '../provisioning/placements.js';
import { openGates } from './gate-keeping.js';
import { MoveRefusedError } from './move.errors.js';
import { type MovePlaces, MovePlacesFinder, type OpenPlace } from './move-places.js';
import { MoveSteps } from './move-steps.js';
import { versionObstacle, versionsAt } from './same-version.js';
import { SwitchOver } from './switch-over.js';
import { UndoMoveKind } from './undo-move.kind.js';

const Input = z.object({ isolation: z.enum(ISOLATIONS), serverId: z.guid() });
type Input = z.infer<typeof Input>;
type Run = OperationRun<Input>;

/**
 * Moves a tenant to another isolation or server while it works: its rows are copied from one snapshot, its changes since are
 * noted by triggers and applied, and only for the last of them its writes wait.
 */
@Injectable()
export class MoveKind implements OperationKind<Input> {
  readonly name = 'move';
  readonly input = Input;
  private readonly own = [
    { name: 'choose-place', run: (run: Run) => this.choosePlace(run) },
    { name: 'prepare-place', run: (run: Run) => this.preparePlace(run) },
    { name: 'note-changes', run: (run: Run) => this.noteChanges(run) },
    { name: 'copy', run: (run: Run) => this.copy(run) },
    { name: 'catch-up', run: (run: Run) => this.catchUp(run) },
    { name: 'switch', run: (run: Run) => this.switchOver(run) },
  ];

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly placements: Placements,
    private readonly places: MovePlacesFinder,
    private readonly moveSteps: MoveSteps,
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

  /** Only what follows the switch can be tried again. */
  async onRetried(catalog: EntityManager, { tenantId }: OperationEntity): Promise<void> {
    if (await catalog.existsBy(MoveEntity, { tenantId: tenantId ?? '', state: 'moved' })) return;
    throw new ConflictError('what the move had made is being removed: begin a new one');
  }

  private async choosePlace({ id, tenantId, input: { isolation, serverId } }: Run): Promise<void> {
    if (await this.places.find(tenantId)) return; // recorded before a crash
    const tenant = await this.tenant(tenantId);
    if (tenant.targetId === null || tenant.schema === null) throw new MoveRefusedError(['it has no place yet']);
    const target = await this.placements.ensureTarget(serverId, { id: tenant.id, isolation });
    const schema = schemaNameOf({ id: tenant.id, isolation }, target);
    if (target.id === tenant.targetId && schema === tenant.schema) throw new MoveRefusedError(['it is there already']);
    await this.catalog.getRepository(MoveEntity).insert({
      ...{ tenantId: tenant.id, operationId: id, state: 'moving' },
      ...{ fromIsolation: tenant.isolation, fromTargetId: tenant.targetId, fromSchema: tenant.schema },
      ...{ toIsolation: isolation, toTargetId: target.id, toSchema: schema },
    });
  }

  private async preparePlace(run: Run): Promise<void> {
    const { signal } = run;
    const { from, to } = await this.placesOf(run);
    await this.placements.createRole(to.target, signal);
    await this.placements.createDatabase(to.target, signal);
    await this.placements.createSchema(to.target, to.schema, signal);
    const tables = await this.placements.migrate(to.target, to.schema, signal);
    await this.assertSameVersion(to, tables?.version);
    const obstacles = await this.places.withBoth({ from, to }, signal, (source, goal) =>
      copyObstacles(source, goal, from.tenantId),
    );
    if (obstacles.length > 0) throw new MoveRefusedError(obstacles);
  }

  /** @param migratedTo undefined when other tenants are in the tables */
  private async assertSameVersion({ tenantId, target, schema }: MovePlaces['to'], migratedTo?: string): Promise<void> {
    const { schemaVersion } = await this.tenant(tenantId);
    const versions = migratedTo === undefined ? await versionsAt(this.catalog, target.id, schema) : [migratedTo];
    const obstacle = versionObstacle(schemaVersion, versions);
    if (obstacle !== undefined) throw new MoveRefusedError([obstacle]);
  }

  private async noteChanges(run: Run): Promise<void> {
    const { signal } = run;
    await this.withPlaces(run, (from, to) => openGates(from, to, signal));
    await this.moveSteps.announce(run.tenantId ?? '', true, signal);
  }

  private async copy(run: Run): Promise<void> {
    const { signal, tenantId, reportProgress } = run;
    const digests = await this.withPlaces(run, async (from, to) => {
      if (to.isAlone) await disableTriggers(to);
      return copyRows(from, to, tenantId ?? '', { signal, onProgress: reportProgress });
    });
    await run.addResult({ tables: digests.length, rows: digests.reduce((sum, { rows }) => sum + rows, 0) });
  }

  private async catchUp(run: Run): Promise<void> {
    const changes = await this.withPlaces(run, (from, to) => this.switching.catchUp(from, to, run.signal));
    await run.addResult({ changes });
  }

  private async switchOver(run: Run): Promise<void> {
    const move = await this.places.find(run.tenantId);
    if (move?.state === 'moved') return; // before a crash
    await run.addResult({ ...(await this.withPlaces(run, (from, to) => this.switching.run(from, to, run.signal))) });
  }

  private async withPlaces<T>(run: Run, work: (from: OpenPlace, to: OpenPlace) => Promise<T>): Promise<T> {
    return this.places.withBoth(await this.placesOf(run), run.signal, work);
  }

  private async placesOf({ tenantId }: Run): Promise<MovePlaces> {
    const move = await this.places.find(tenantId);
    if (!move) throw new ConflictError('the move is over');
    return this.places.placesOf(move);
  }

  private tenant(id: string | null): Promise<TenantEntity> {
    return this.catalog.getRepository(TenantEntity).findOneByOrFail({ id: id ?? '' });
  }
}
