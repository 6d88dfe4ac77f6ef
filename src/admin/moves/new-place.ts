import { Inject, Injectable } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import { MoveEntity } from '../../catalog/entities/move.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import type { Isolation } from '../../catalog/model/tenant.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import type { OperationRun } from '../../operations/operation-kind.js';
import type { TenantPlace } from '../deprovisioning/place-removal.js';
import { schemaNameOf } from '../provisioning/names.js';
import { Placements } from '../provisioning/placements.js';
import { versionObstacle, versionsAt } from '../provisioning/place-versions.js';
import { isSwitched, openGates, type OpenGatesOptions } from './switching/gate-keeping.js';
import { MoveRefusedError } from './move.errors.js';
import { type MovePlaces, MovePlacesFinder, type OpenPlace } from './move-places.js';
import { MoveSteps } from './move-steps.js';
import { SwitchOver } from './switching/switch-over.js';

type Run = OperationRun<unknown>;

/** What decides where the new place is. */
interface PlaceChoice {
  readonly isolation: Isolation;
  readonly serverId: string;
  /** A schema or database of the tenant's own is named after this id. */
  readonly namedAfter: string;
  /** The backup whose rows it gets; null for those of the tenant. */
  readonly backupId: string | null;
}

/**
 * The new place of a tenant that is served at another one: made without rows, and switched to once its rows are there, wherever
 * these come from. Each part can run again.
 */
@Injectable()
export class NewPlace {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly placements: Placements,
    private readonly places: MovePlacesFinder,
    private readonly moveSteps: MoveSteps,
    private readonly switching: SwitchOver,
  ) {}

  /**
   * Records it, so that what is made can be removed.
   *
   * @throws MoveRefusedError, also when the tenant's rows are at a third place, by a move that the catalog has lost
   */
  async choose(
    { id, tenantId, signal }: Run,
    { isolation, serverId, namedAfter, backupId }: PlaceChoice,
  ): Promise<void> {
    if (await this.places.find(tenantId)) return; // recorded before a crash
    const tenant = await this.tenant(tenantId);
    if (tenant.targetId === null || tenant.schema === null) throw new MoveRefusedError(['it has no place yet']);
    const target = await this.placements.ensureTarget(serverId, { id: namedAfter, isolation });
    const schema = schemaNameOf({ id: namedAfter, isolation }, target);
    if (target.id === tenant.targetId && schema === tenant.schema) throw new MoveRefusedError(['it is there already']);
    const place = { tenantId: tenant.id, isolation, target, schema };
    if (await this.hasRowsElsewhere(tenant, place, signal)) {
      if (target.kind === 'dedicated') await this.catalog.getRepository(ConnectionTargetEntity).delete(target.id);
      throw new MoveRefusedError(['its rows are at another place, which the catalog has lost: "doctor" names it']);
    }
    await this.catalog.getRepository(MoveEntity).insert({
      ...{ tenantId: tenant.id, operationId: id, state: 'moving', backupId },
      ...{ fromIsolation: tenant.isolation, fromTargetId: tenant.targetId, fromSchema: tenant.schema },
      ...{ toIsolation: isolation, toTargetId: target.id, toSchema: schema },
    });
  }

  /** Login role, database, schema, and tables at the tenant's own version. @throws MoveRefusedError */
  async prepare(run: Run): Promise<void> {
    const { signal } = run;
    const { to } = await this.placesOf(run);
    await this.placements.createRole(to.target, signal);
    await this.placements.createDatabase(to.target, signal);
    await this.placements.createSchema(to.target, to.schema, signal);
    const tables = await this.placements.migrate(to.target, to.schema, signal);
    await this.assertSameVersion(to, tables?.version);
  }

  /** From then on every instance asks the gates of both places. */
  async openGates(run: Run, options: OpenGatesOptions): Promise<void> {
    await this.withBoth(run, (from, to) => openGates(from, to, options, run.signal));
    await this.moveSteps.announce(run.tenantId ?? '', true, run.signal);
  }

  /** From then on the tenant is served there. */
  async switchOver(run: Run): Promise<void> {
    const move = await this.places.find(run.tenantId);
    if (!move) throw new ConflictError('the move is over');
    if (move.state === 'moved') return; // before a crash
    const report = await this.withBoth(run, async (from, to) => {
      await this.switching.catchUp(from, to, run.signal); // an older transaction may write without meeting the gate
      return this.switching.run(move, from, to, run.signal);
    });
    await run.addResult({ ...report });
  }

  /** For `onRetried` of the kind: only what follows the switch can be tried again. @throws ConflictError */
  async assertSwitched(catalog: EntityManager, tenantId: string | null): Promise<void> {
    if (await catalog.existsBy(MoveEntity, { tenantId: tenantId ?? '', state: 'moved' })) return;
    throw new ConflictError('what it had made is being removed: begin a new one');
  }

  async withBoth<T>(run: Run, work: (from: OpenPlace, to: OpenPlace) => Promise<T>): Promise<T> {
    return this.places.withBoth(await this.placesOf(run), run.signal, work);
  }

  /** Whether the tenant works there already: nothing may be brought there any more. */
  isSwitched(run: Run): Promise<boolean> {
    return this.withBoth(run, isSwitched);
  }

  /** @throws ConflictError when the move is over */
  async placesOf({ tenantId }: Run): Promise<MovePlaces> {
    const move = await this.places.find(tenantId);
    if (!move) throw new ConflictError('the move is over');
    return this.places.placesOf(move);
  }

  /** @param migratedTo undefined when other tenants are in the tables */
  private async assertSameVersion({ tenantId, target, schema }: MovePlaces['to'], migratedTo?: string): Promise<void> {
    const { schemaVersion } = await this.tenant(tenantId);
    const versions =
      migratedTo === undefined ? await versionsAt(this.catalog.manager, target.id, schema) : [migratedTo];
    const obstacle = versionObstacle(schemaVersion, versions);
    if (obstacle !== undefined) throw new MoveRefusedError([obstacle]);
  }

  private async hasRowsElsewhere(tenant: TenantEntity, place: TenantPlace, signal: AbortSignal): Promise<boolean> {
    const at = await this.places.servedAt(tenant);
    if ((await this.places.gateAt(at, signal)) !== 'closed') return false;
    return (await this.places.gateAt(place, signal)) !== 'open';
  }

  private tenant(id: string | null): Promise<TenantEntity> {
    return this.catalog.getRepository(TenantEntity).findOneByOrFail({ id: id ?? '' });
  }
}
