import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { MoveEntity } from '../../catalog/entities/move.entity.js';
import type { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import type { CopyPlace } from '../../database/copy/copy-place.js';
import { asOnlyMover } from '../../database/gates/mover-lock.js';
import { type GateState, TenantGate } from '../../database/gates/tenant-gate.js';
import { isMissingDatabase, type TenantPlace } from '../deprovisioning/place-removal.js';
import { TargetDatabases } from '../targets/target-databases.js';

/** Both places of a move. The tenant is served at `from` until the switch, which has its rows at `to` as well. */
export interface MovePlaces {
  readonly from: TenantPlace;
  readonly to: TenantPlace;
}

/** A place with a connection of the owner to its database. */
export interface OpenPlace extends CopyPlace {
  readonly place: TenantPlace;
  readonly gate: TenantGate;
}

/** Finds the places of a move, and opens them. */
@Injectable()
export class MovePlacesFinder {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly targets: TargetDatabases,
  ) {}

  /** The tenant's move that is not finished, if there is one. */
  find(tenantId: string | null): Promise<MoveEntity | null> {
    return this.catalog.getRepository(MoveEntity).findOneBy({ tenantId: tenantId ?? '' });
  }

  /** @throws EntityNotFoundError */
  async placesOf(move: MoveEntity): Promise<MovePlaces> {
    const { tenantId, fromIsolation, fromTargetId, fromSchema, toIsolation, toTargetId, toSchema } = move;
    const [from, to] = await Promise.all([this.targets.find(fromTargetId), this.targets.find(toTargetId)]);
    return {
      from: { tenantId, isolation: fromIsolation, target: from, schema: fromSchema },
      to: { tenantId, isolation: toIsolation, target: to, schema: toSchema },
    };
  }

  /** @throws EntityNotFoundError, also for a tenant that has no place yet */
  async servedAt({ id, isolation, targetId, schema }: TenantEntity): Promise<TenantPlace> {
    return { tenantId: id, isolation, target: await this.targets.find(targetId ?? ''), schema: schema ?? '' };
  }

  /** The state of the gate at a place; undefined where there is none, and where the database does not exist. */
  async gateAt(place: TenantPlace, signal: AbortSignal): Promise<GateState | undefined> {
    try {
      return await this.withOne(place, signal, ({ gate }) => gate.state());
    } catch (error) {
      if (isMissingDatabase(error)) return undefined;
      throw error;
    }
  }

  /** The same places for the way back. */
  async wayBack(move: MoveEntity): Promise<MovePlaces> {
    const { from, to } = await this.placesOf(move);
    return { from: to, to: from };
  }

  /** Runs `work` with a connection to each place. What a former worker of the operation still has open there is ended. */
  withBoth<T>(
    { from, to }: MovePlaces,
    signal: AbortSignal,
    work: (from: OpenPlace, to: OpenPlace) => Promise<T>,
  ): Promise<T> {
    return this.withOne(from, signal, (source) => this.withOne(to, signal, (goal) => work(source, goal)));
  }

  /** Runs `work` with a connection to one of them. */
  withOne<T>(place: TenantPlace, signal: AbortSignal, work: (open: OpenPlace) => Promise<T>): Promise<T> {
    const { target, schema, tenantId, isolation } = place;
    return this.targets.use(
      target,
      (client) => {
        const gate = new TenantGate(client, tenantId, schema);
        const open = { client, schema, isAlone: isolation !== 'row', place, gate };
        return asOnlyMover(client, place, signal, () => work(open));
      },
      { signal },
    );
  }
}
