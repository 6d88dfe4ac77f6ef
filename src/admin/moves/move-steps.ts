import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import { MoveEntity } from '../../catalog/entities/move.entity.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { PlaceRemoval, type TenantPlace } from '../deprovisioning/place-removal.js';
import { removeGate } from './gate-keeping.js';
import { MovePlacesFinder } from './move-places.js';

const NO_SUCH_DATABASE = '3D000';
/** Time in which every instance learns that a tenant moves, or no longer does. */
const SETTLE_MS = 3_000;

/** What several operations on a move have in common. Each part can run again. */
@Injectable()
export class MoveSteps {
  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    private readonly places: MovePlacesFinder,
    private readonly removal: PlaceRemoval,
  ) {}

  /** From now on, every instance asks the gate with each statement of the tenant. */
  async announce(tenantId: string, isMoving: boolean): Promise<void> {
    await this.catalog.getRepository(TenantEntity).update(tenantId, { isMoving });
  }

  settle(signal: AbortSignal): Promise<void> {
    return delay(SETTLE_MS, undefined, { signal });
  }

  /** The gate of the place at which the tenant stays. */
  async removeGateOf(place: TenantPlace, signal: AbortSignal): Promise<void> {
    await this.places.withOne(place, signal, (open) => removeGate(open, signal));
  }

  /** Removes the tenant's rows at a place at which it is not, and the schema, database or login role that were its own. */
  async clear(place: TenantPlace, signal: AbortSignal, onProgress: (rows: number) => void): Promise<void> {
    try {
      if (place.isolation !== 'database') await this.removeGateOf(place, signal); // its trigger would refuse the deletion
    } catch (error) {
      // The move was given up before the database was created.
      if ((error as { code?: unknown }).code !== NO_SUCH_DATABASE) throw error;
    }
    await this.removal.removeData(place, signal, onProgress);
    await this.removal.removeRole(place.target, signal);
  }

  /** Ends the move. @param abandoned the place that it no longer has */
  async forget({ tenantId, target }: TenantPlace): Promise<void> {
    await this.catalog.transaction(async (catalog) => {
      await catalog.delete(MoveEntity, { tenantId });
      if (target.kind === 'dedicated') await catalog.delete(ConnectionTargetEntity, target.id);
    });
  }
}
