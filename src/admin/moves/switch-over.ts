import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { TenantEntity } from '../../catalog/entities/tenant.entity.js';
import { applyChanges } from '../../database/copy/apply-changes.js';
import { bringSequences } from '../../database/copy/bring-sequences.js';
import { enableTriggers } from '../../database/copy/tables/user-triggers.js';
import { differingMigrations } from '../../database/table-migrations/versions/differing-migrations.js';
import { withPlaceLocks } from '../targets/place-locks.js';
import { MoveRefusedError, MoveTimeoutError } from './move.errors.js';
import type { OpenPlace } from './move-places.js';

/** So few changes are left that the last ones take a moment. */
export const FEW_CHANGES = 100;
/** How long the tenant's own transactions may keep the switch waiting, and how often it is tried. */
const CATCH_UP_MS = 600_000;
const SWITCH_MS = 120_000;
const PAUSE_MS = 100;

/** What a switch cost the tenant. */
export interface SwitchReport {
  /** How long its writes waited at most, in ms. */
  readonly waitMs: number;
  /** Changes that were applied while they waited. */
  readonly lastChanges: number;
}

/** Has a tenant served at another place, which has its rows but for the changes that are noted. */
@Injectable()
export class SwitchOver {
  private readonly logger = new Logger(SwitchOver.name);

  constructor(@Inject(CATALOG) private readonly catalog: DataSource) {}

  /**
   * Applies what is noted until little is left, and until no transaction is under way that began before the gate was there.
   *
   * @returns the number of changes applied
   */
  async catchUp(from: OpenPlace, to: OpenPlace, signal: AbortSignal): Promise<number> {
    const deadline = performance.now() + CATCH_UP_MS;
    for (let total = 0; ;) {
      const applied = await applyChanges(from, to, from.place.tenantId, signal);
      total += applied;
      const isBehind = applied > FEW_CHANGES;
      if (!isBehind && !(await from.gate.hasOlderTransactions())) return total;
      if (performance.now() > deadline) {
        throw new MoveTimeoutError(
          isBehind ? 'the tenant changes its rows faster than they are copied' : 'a transaction is older than the move',
        );
      }
      if (!isBehind) await delay(PAUSE_MS, undefined, { signal });
    }
  }

  /**
   * Only here the tenant's writes wait: from the moment at which none of its transactions is under way until the catalog has
   * the new place. Those that waited are sent again there. No tables are migrated meanwhile. Can run again after a crash
   * anywhere in it.
   */
  async run(from: OpenPlace, to: OpenPlace, signal: AbortSignal): Promise<SwitchReport> {
    const locked = (open: OpenPlace) => ({ ...open, targetId: open.place.target.id });
    return withPlaceLocks(locked(from), locked(to), signal, async () => {
      await assertSameMigrations(from, to);
      return this.whenFree(from, to, signal);
    });
  }

  private async whenFree(from: OpenPlace, to: OpenPlace, signal: AbortSignal): Promise<SwitchReport> {
    const deadline = performance.now() + SWITCH_MS;
    let askedAt = performance.now(); // from then on, writes wait behind us
    while (!(await from.gate.tryLock())) {
      if (performance.now() > deadline) {
        throw new MoveTimeoutError('transactions of the tenant were under way all the time');
      }
      await this.catchUp(from, to, signal);
      await delay(PAUSE_MS, undefined, { signal });
      askedAt = performance.now();
    }
    try {
      const lastChanges = await this.switchLocked(from, to, signal);
      return { waitMs: Math.round(performance.now() - askedAt), lastChanges };
    } finally {
      await from.gate.unlock();
    }
  }

  private async switchLocked(from: OpenPlace, to: OpenPlace, signal: AbortSignal): Promise<number> {
    const { tenantId } = from.place;
    const lastChanges = await applyChanges(from, to, tenantId, signal);
    await bringSequences(from, to);
    if (to.isAlone) await enableTriggers(to, from);
    signal.throwIfAborted(); // from here on it is brought to its end
    await from.gate.set('closed');
    try {
      await to.gate.set('open');
      await this.flip(to);
    } catch (error) {
      await this.reopen(from, to, error);
      throw error;
    }
    return lastChanges;
  }

  /** Every instance is notified. */
  private async flip({ place: { tenantId, target, schema, isolation } }: OpenPlace): Promise<void> {
    await this.catalog.transaction(async (catalog) => {
      await catalog.update(TenantEntity, tenantId, { targetId: target.id, schema, isolation });
      await catalog.query(
        `UPDATE moves SET state = 'moved', moved_at = now() WHERE tenant_id = $1 AND state = 'moving'`,
        [tenantId],
      );
    });
  }

  /** Unless the catalog has the new place: then its answer was lost. */
  private async reopen(from: OpenPlace, to: OpenPlace, error: unknown): Promise<void> {
    const { targetId, schema } = await this.catalog
      .getRepository(TenantEntity)
      .findOneByOrFail({ id: from.place.tenantId });
    if (targetId === to.place.target.id && schema === to.schema) return;
    this.logger.warn(
      `The switch of tenant ${from.place.tenantId} failed, its rows are where they were: ${String(error)}`,
    );
    await to.gate.set('arriving');
    await from.gate.set('open');
  }
}

/** @throws MoveRefusedError when the tables of one place were migrated since they were compared */
async function assertSameMigrations(from: OpenPlace, to: OpenPlace): Promise<void> {
  if (!(await differingMigrations(from, to))) return;
  throw new MoveRefusedError(['the tables of one place were migrated since the move began']);
}
