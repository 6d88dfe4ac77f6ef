import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG, catalogSchemaOf } from '../catalog/catalog-data-source.js';
import { CATALOG_TARGET } from '../catalog/catalog-target.js';
import { OperationEntity } from '../catalog/entities/operation.entity.js';
import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import { Shutdown } from '../platform/shutdown/shutdown.js';
import { orderedNames } from '../database/table-migrations/versions/migration-names.js';
import { codeVersion } from '../database/table-migrations/versions/migration-version.js';
import { ServerBudgets } from '../database/budget/server-budgets.js';
import { SlotQueue } from '../database/budget/slot-queue.js';
import type { ConnectionTarget } from '../database/connection/connection-target.js';
import { type PoolOptions, poolOptions } from '../database/pool/pool-options.js';
import { TENANT_SCHEMA, type TenantSchema } from '../database/table-migrations/tenant-schema/tenant-schema.js';
import { failureOf } from '../platform/postgres/failure-of.js';
import { OperationExecution, isTransient } from './operation-execution.js';
import type { OperationKind } from './operation-kind.js';
import { OperationKinds } from './operation-kinds.js';
import { ANY_DUE, TERMINATE_FROZEN, OperationLock } from './operation-lock.js';
import { OperationRecord, type OperationRow } from './operation-record.js';
import {
  OperationCancelledError,
  OperationFailedError,
  OperationGivenUpError,
  OperationLostError,
  StepPostponedError,
} from './operation.errors.js';
import { reasonOf } from '../platform/errors/reason-of.js';

/** Operations that one instance runs at the same time. Each uses one connection to the catalog. */
const MAX_WORKERS = 2;
/** Pools of tenants use the second one's place while it does not run. `runToCompletion` has as many as it is called for. */
export const LOCK_CONNECTIONS = { kept: 1, max: Infinity };

const POLL_MS = 1_000;
/** Polling interval of `runToCompletion`, while another instance holds the lock. */
const COMPLETION_POLL_MS = 250;
/** An operation without a heartbeat for this long is taken from its instance. */
const FROZEN_SECONDS = 30;
/** An operation that was started this often without finishing a step probably crashes its instances. */
const MAX_ATTEMPTS = 20;
/** Attempts after which a transient error counts as a failure. */
const MAX_ATTEMPTS_ON_TRANSIENT_ERRORS = 5;
const POSTPONE_SECONDS = 5;

/**
 * Runs due operations from the catalog, regardless of which instance created them, including those of an instance that
 * crashed. The holder of an operation's advisory lock works on it.
 */
@Injectable()
export class OperationRunner {
  private readonly logger = new Logger('Operations');
  private readonly pausing = new AbortController();
  /** Running workers, at most `MAX_WORKERS`. */
  private readonly workers = new Set<Promise<void>>();
  private readonly slots: SlotQueue;
  /** Calls of `runToCompletion`. */
  private readonly completions = new Set<Promise<void>>();
  private readonly options: PoolOptions;
  private readonly codeVersion: number;
  private readonly migrations: readonly string[];
  private readonly instance = `${hostname()}:${process.pid}`;
  private polling: Promise<void> | undefined;
  private wakeUp: (() => void) | undefined;

  constructor(
    @Inject(APP_CONFIG) config: AppConfig,
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(CATALOG_TARGET) private readonly catalogTarget: ConnectionTarget,
    private readonly kinds: OperationKinds,
    @Inject(TENANT_SCHEMA) { migrations }: TenantSchema,
    shutdown: Shutdown = new Shutdown(),
    budgets: ServerBudgets = new ServerBudgets(config),
  ) {
    this.slots = new SlotQueue(budgets.of(catalogTarget.server).reserve(LOCK_CONNECTIONS));
    shutdown.add('pause operations', () => this.pause());
    this.options = poolOptions(config);
    this.codeVersion = codeVersion(migrations);
    this.migrations = orderedNames(migrations);
  }

  /** Starts polling for due operations until shutdown. */
  start(): void {
    this.polling ??= this.poll();
  }

  /** Polls at once instead of at the next interval. Call it after creating an operation. */
  wake(): void {
    this.wakeUp?.();
  }

  /**
   * Runs one operation, or waits while another instance runs it, until it has ended.
   *
   * @throws OperationFailedError when it did not succeed
   */
  runToCompletion(id: string): Promise<void> {
    const completion = this.complete(id).finally(() => this.completions.delete(completion));
    this.completions.add(completion);
    return completion;
  }

  /** Interrupts running operations and waits until they have stopped; another instance continues them. */
  async pause(): Promise<void> {
    this.pausing.abort(new OperationLostError());
    this.wake();
    await Promise.allSettled([this.polling, ...this.workers, ...this.completions]);
  }

  private async complete(id: string): Promise<void> {
    const lock = await this.openLock();
    try {
      for (;;) {
        if ((await this.canRun(id)) && (await lock.tryLock(id))) await this.runLocked(lock, id);
        const operation = await this.catalog.getRepository(OperationEntity).findOneByOrFail({ id });
        if (operation.status === 'succeeded') return;
        if (operation.status === 'failed' || operation.status === 'cancelled') throw toFailedError(operation);
        await delay(COMPLETION_POLL_MS, undefined, { signal: this.pausing.signal });
      }
    } finally {
      await lock.close();
    }
  }

  /** Without the application's hooks, as on a command line, it waits until an instance that has them has run it. */
  private async canRun(id: string): Promise<boolean> {
    const { requiredHooks } = await this.catalog.getRepository(OperationEntity).findOneByOrFail({ id });
    return (requiredHooks ?? []).every((name) => this.kinds.runnableHooks.includes(name));
  }

  private async poll(): Promise<void> {
    while (!this.pausing.signal.aborted) {
      try {
        await this.catalog.query(TERMINATE_FROZEN, [FROZEN_SECONDS]);
        const capabilities = [this.kinds.names, this.codeVersion, this.migrations, this.kinds.runnableHooks];
        const [row] = await this.catalog.query<{ any_due: boolean }[]>(ANY_DUE, capabilities);
        if (row?.any_due && this.workers.size < MAX_WORKERS) this.startWorker();
      } catch (error) {
        this.logger.debug(`Cannot poll for operations: ${reasonOf(error)}`); // readiness reports this
      }
      await this.waitForWork();
    }
  }

  private waitForWork(): Promise<void> {
    if (this.pausing.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, POLL_MS);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private startWorker(): void {
    const worker = this.runDueOperations()
      .catch((error: unknown) => this.logger.warn(`Operation worker stopped: ${reasonOf(error)}`))
      .finally(() => this.workers.delete(worker));
    this.workers.add(worker);
  }

  private openLock(): Promise<OperationLock> {
    return OperationLock.open(this.catalogTarget, this.options, catalogSchemaOf(this.catalog), this.slots);
  }

  /** Runs due operations one after another over one connection, until none is left. */
  private async runDueOperations(): Promise<void> {
    const lock = await this.openLock();
    try {
      const next = (): Promise<string | undefined> =>
        lock.lockNextDue({
          ...{ kinds: this.kinds.names, hooks: this.kinds.runnableHooks },
          ...{ codeVersion: this.codeVersion, migrations: this.migrations },
        });
      let id = await next();
      if (id !== undefined) this.wake(); // another operation may be due, for another worker
      while (id !== undefined && !this.pausing.signal.aborted) {
        await this.runLocked(lock, id);
        id = await next();
      }
    } finally {
      await lock.close();
    }
  }

  private async runLocked(lock: OperationLock, id: string): Promise<void> {
    const record = new OperationRecord(lock.client, id);
    const row = await record.begin(this.instance);
    const kind = row && this.kinds.find(row.kind);
    if (row && kind) await this.execute(kind, row, record, lock);
    await lock.unlock(id);
  }

  private async execute(
    kind: OperationKind,
    row: OperationRow,
    record: OperationRecord,
    lock: OperationLock,
  ): Promise<void> {
    const label = `${row.kind} ${row.subject} (${row.id})`;
    try {
      if (row.attempts > MAX_ATTEMPTS) throw new OperationGivenUpError(row.attempts);
      const interrupted = AbortSignal.any([lock.lost, this.pausing.signal]);
      await new OperationExecution(kind, row, record, interrupted).run();
      this.logger.log(`Operation succeeded: ${label}`);
    } catch (error) {
      if (lock.lost.aborted || error instanceof OperationLostError) throw new OperationLostError();
      if (this.pausing.signal.aborted) return; // whatever the error: another instance continues the operation
      await this.recordFailure(kind, row, record, error);
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      if (!(error instanceof OperationCancelledError)) this.logger.warn(`Operation failed: ${label}: ${reason}`);
    }
  }

  private async recordFailure(
    kind: OperationKind,
    row: OperationRow,
    record: OperationRecord,
    error: unknown,
  ): Promise<void> {
    const failure = failureOf(error);
    if (error instanceof StepPostponedError) return record.postpone(error.seconds, failure, false);
    if (isTransient(error) && row.attempts < MAX_ATTEMPTS_ON_TRANSIENT_ERRORS) {
      return record.postpone(POSTPONE_SECONDS * row.attempts, failure);
    }
    const isCancelled = error instanceof OperationCancelledError;
    await this.catalog.transaction(async (catalog) => {
      const operation = await catalog.findOneByOrFail(OperationEntity, { id: row.id });
      await (isCancelled ? kind.onCancelled?.(catalog, operation) : kind.onFailed?.(catalog, operation));
    });
    await record.end(isCancelled ? 'cancelled' : 'failed', isCancelled ? null : failure);
  }
}

function toFailedError({ id, kind, subject, status, error }: OperationEntity): OperationFailedError {
  const message = error?.message ?? status;
  return new OperationFailedError(id, error?.code ?? 'OPERATION_CANCELLED', `${kind} ${subject}: ${message}`);
}
