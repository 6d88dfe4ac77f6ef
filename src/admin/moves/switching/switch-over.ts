import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../../catalog/catalog-data-source.js';
import type { MoveEntity } from '../../../catalog/entities/move.entity.js';
import { TenantEntity } from '../../../catalog/entities/tenant.entity.js';
import { applyChanges } from '../../../database/copy/apply-changes.js';
import { bringSequences } from '../../../database/copy/bring-sequences.js';
import { enableTriggers } from '../../../database/copy/tables/user-triggers.js';
import { differingMigrations } from '../../../database/table-migrations/versions/differing-migrations.js';
import { ConflictError } from '../../../platform/errors/request.errors.js';
import { withPlaceLocks } from '../../targets/place-locks.js';
import { MoveRefusedError, MoveTimeoutError } from '../move.errors.js';
import type { OpenPlace } from '../move-places.js';
import { isSwitched } from './gate-keeping.js';

/**
 * The last changes take a moment when they are so few, or when those before were applied so quickly: a tenant that changes its
 * rows all the time never has few. The longer it is tried, the longer a moment is: of a minute, a second.
 */
export const FEW_CHANGES = 100;
const QUICK_MS = 500;
const MOMENT_OF_TRIED = 1 / 60;
/** How long the tenant's own transactions may keep the switch waiting, and how often it is tried. */
const CATCH_UP_MS = 600_000;
const SWITCH_MS = 120_000;
/**
 * How long one attempt to switch has writes wait for transactions that are under way: at first, by how much more with each
 * attempt, and at most. One of a tenant that begins the next transaction before the former one ends has to wait for the longest.
 */
export const ATTEMPT_MS = { first: 250, most: 5_000 } as const;
const ATTEMPT_GROWTH = 1.5;
const PAUSE_MS = 100;

/** `$1` tenant, `$2` worker, `$3` operation, `$4` and `$5` where the tenant is. */
const CLAIM = `
  UPDATE moves m SET switching = $2 FROM tenants t
  WHERE m.tenant_id = $1 AND m.operation_id = $3 AND t.id = m.tenant_id AND (t.target_id, t.schema_name) = ($4, $5)`;

/**
 * `$1` tenant, `$2` worker, `$3` to `$5` where the tenant is from then on. One statement: a worker that froze within a transaction
 * would lock the tenant's row for as long.
 */
const FLIP = `
  WITH move AS (
    UPDATE moves SET state = 'moved', moved_at = coalesce(moved_at, now()) WHERE tenant_id = $1 AND switching = $2 RETURNING 1)
  UPDATE tenants SET target_id = $3, schema_name = $4, isolation = $5 WHERE id = $1 AND EXISTS (SELECT FROM move)`;

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
   * Applies what is noted until what is left takes a moment, and until no transaction is under way that began before the gate was
   * there.
   *
   * @returns the number of changes applied
   */
  async catchUp(from: OpenPlace, to: OpenPlace, signal: AbortSignal): Promise<number> {
    const startedAt = performance.now();
    for (let total = 0; ;) {
      const beganAt = performance.now();
      const applied = await applyChanges(from, to, from.place.tenantId, signal);
      total += applied;
      const [tookMs, triedMs] = [performance.now() - beganAt, performance.now() - startedAt];
      const isBehind = applied > FEW_CHANGES && tookMs > Math.max(QUICK_MS, triedMs * MOMENT_OF_TRIED);
      if (!isBehind && !(await from.gate.hasOlderTransactions())) return total;
      if (triedMs > CATCH_UP_MS) {
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
   * anywhere in it, also while the former worker is frozen: that one switches nothing when it wakes up. Where the tenant works there
   * already, only the catalog is changed.
   *
   * @returns undefined when a former worker has switched the tenant already
   * @throws MoveRefusedError, MoveTimeoutError, ConflictError when the move is over
   */
  async run(
    { operationId }: MoveEntity,
    from: OpenPlace,
    to: OpenPlace,
    signal: AbortSignal,
  ): Promise<SwitchReport | undefined> {
    const locked = (open: OpenPlace) => ({ ...open, targetId: open.place.target.id });
    return withPlaceLocks(locked(from), locked(to), signal, async () => {
      const worker = await this.claim(operationId, from.place);
      if (worker === undefined) return this.assertIsAt(to);
      if (await isSwitched(from, to)) {
        await this.flip(worker, to);
        return { waitMs: 0, lastChanges: 0 };
      }
      await assertSameMigrations(from, to);
      return this.whenFree(worker, from, to, signal);
    });
  }

  /** From then on no former worker can switch the tenant. @returns undefined when the tenant is not there */
  private async claim(
    operationId: string,
    { tenantId, target, schema }: OpenPlace['place'],
  ): Promise<string | undefined> {
    const worker = randomUUID();
    const values = [tenantId, worker, operationId, target.id, schema];
    const [, claimed] = await this.catalog.query<[unknown, number]>(CLAIM, values);
    return claimed === 1 ? worker : undefined;
  }

  private async assertIsAt({ place: { tenantId, target, schema } }: OpenPlace): Promise<undefined> {
    const at = { id: tenantId, targetId: target.id, schema };
    if (!(await this.catalog.getRepository(TenantEntity).existsBy(at))) throw new ConflictError('the move is over');
  }

  private async whenFree(worker: string, from: OpenPlace, to: OpenPlace, signal: AbortSignal): Promise<SwitchReport> {
    const deadline = performance.now() + SWITCH_MS;
    let askedAt = performance.now(); // from then on, writes wait behind us
    for (let waitMs: number = ATTEMPT_MS.first; !(await from.gate.tryLock(Math.round(waitMs)));) {
      if (performance.now() > deadline) {
        throw new MoveTimeoutError('transactions of the tenant were under way all the time');
      }
      await applyChanges(from, to, from.place.tenantId, signal);
      await delay(PAUSE_MS, undefined, { signal });
      waitMs = Math.min(waitMs * ATTEMPT_GROWTH, ATTEMPT_MS.most);
      askedAt = performance.now();
    }
    try {
      const lastChanges = await this.switchLocked(worker, from, to, signal);
      return { waitMs: Math.round(performance.now() - askedAt), lastChanges };
    } finally {
      await from.gate.unlock();
    }
  }

  private async switchLocked(worker: string, from: OpenPlace, to: OpenPlace, signal: AbortSignal): Promise<number> {
    const { tenantId } = from.place;
    const lastChanges = await applyChanges(from, to, tenantId, signal);
    await bringSequences(from, to);
    if (to.isAlone) await enableTriggers(to, from);
    signal.throwIfAborted(); // from here on it is brought to its end
    await from.gate.set('closed');
    try {
      await to.gate.set('open');
      await this.flip(worker, to);
    } catch (error) {
      await this.reopen(from, to, error);
      throw error;
    }
    return lastChanges;
  }

  /** Every instance is notified. */
  private async flip(worker: string, { place: { tenantId, target, schema, isolation } }: OpenPlace): Promise<void> {
    const values = [tenantId, worker, target.id, schema, isolation];
    const [, flipped] = await this.catalog.query<[unknown, number]>(FLIP, values);
    if (flipped !== 1) throw new ConflictError('another worker has taken the switch over');
  }

  /**
   * Unless the catalog has the new place: then its answer was lost. Or unless the tenant has written there: then the catalog had it,
   * and has lost it since.
   */
  private async reopen(from: OpenPlace, to: OpenPlace, error: unknown): Promise<void> {
    const { targetId, schema } = await this.catalog
      .getRepository(TenantEntity)
      .findOneByOrFail({ id: from.place.tenantId });
    if (targetId === to.place.target.id && schema === to.schema) return;
    await to.gate.set('arriving');
    if ((await to.gate.changes()) > 0) return to.gate.set('open');
    this.logger.warn(
      `The switch of tenant ${from.place.tenantId} failed, its rows are where they were: ${String(error)}`,
    );
    await from.gate.set('open');
  }
}

/** @throws MoveRefusedError when the tables of one place were migrated since they were compared */
async function assertSameMigrations(from: OpenPlace, to: OpenPlace): Promise<void> {
  if (!(await differingMigrations(from, to))) return;
  throw new MoveRefusedError(['the tables of one place were migrated since the move began']);
}
