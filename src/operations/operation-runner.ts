import { hostname } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../catalog/catalog-data-source.js';
import { CATALOG_TARGET } from '../catalog/catalog-target.js';
import { OperationEntity } from '../catalog/entities/operation.entity.js';
import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import { codeVersion } from '../database/table-migrations/migration-version.js';
import type { ConnectionTarget } from '../database/connection/connection-target.js';
import { type PoolOptions, poolOptions } from '../database/pool/pool-options.js';
import { TENANT_SCHEMA, type TenantSchema } from '../database/table-migrations/tenant-schema.js';
import { failureOf, OperationExecution, isTransient } from './operation-execution.js';
import type { OperationKind } from './operation-kind.js';
import { OperationKinds } from './operation-kinds.js';
import { ANY_FREE, END_FROZEN, OperationLock } from './operation-lock.js';
import { OperationRecord, type OperationRow } from './operation-record.js';
import {
  OperationCancelledError,
  OperationFailedError,
  OperationGivenUpError,
  OperationLostError,
} from './operation.errors.js';

/** Operations that one instance works on at once; each has a connection to the catalog. */
export const OPERATION_SLOTS = 2;

const LOOK_MS = 1_000;
const FROZEN_SECONDS = 30;
/** One that is taken up so often without finishing a step kills its instances. */
const MAX_ATTEMPTS = 20;
const FAILURES_THAT_PASS = 5;
const POSTPONE_SECONDS = 5;

/**
 * Works on operations: those of the catalog that are due, whoever asked for them, and those that an instance left behind
 * when it died. An operation is in the hands of the one that holds its advisory lock.
 */
@Injectable()
export class OperationRunner implements BeforeApplicationShutdown {
  private readonly logger = new Logger('Operations');
  private readonly ending = new AbortController();
  private readonly slots = new Set<Promise<void>>();
  private readonly options: PoolOptions;
  private readonly code: number;
  private readonly instance = `${hostname()}:${process.pid}`;
  private polling: Promise<void> | undefined;
  private wakeUp: (() => void) | undefined;

  constructor(
    @Inject(APP_CONFIG) config: AppConfig,
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(CATALOG_TARGET) private readonly catalogTarget: ConnectionTarget,
    private readonly kinds: OperationKinds,
    @Inject(TENANT_SCHEMA) { migrations }: TenantSchema,
  ) {
    this.options = poolOptions(config);
    this.code = codeVersion(migrations);
  }

  /** From now on this instance looks for work until it ends. */
  start(): void {
    this.polling ??= this.poll();
  }

  /** There is work: an operation was just asked for here. */
  wake(): void {
    this.wakeUp?.();
  }

  /**
   * Works on one operation, or waits while another instance does, until it has ended.
   *
   * @throws OperationFailedError when it ended in anything but success
   */
  async runToCompletion(id: string): Promise<void> {
    const lock = await OperationLock.open(this.catalogTarget, this.options);
    try {
      for (;;) {
        if (await lock.take(id)) await this.workOn(lock, id);
        const operation = await this.catalog.getRepository(OperationEntity).findOneByOrFail({ id });
        if (operation.status === 'succeeded') return;
        if (operation.status === 'failed' || operation.status === 'cancelled') throw notReached(operation);
        await delay(LOOK_MS / 4, undefined, { signal: this.ending.signal });
      }
    } finally {
      await lock.close();
    }
  }

  /** What is in hand is put down after the part it is at; another instance goes on with it. */
  async beforeApplicationShutdown(): Promise<void> {
    this.ending.abort(new OperationLostError());
    this.wake();
    await Promise.all([this.polling, ...this.slots]);
  }

  private async poll(): Promise<void> {
    while (!this.ending.signal.aborted) {
      try {
        await this.catalog.query(END_FROZEN, [FROZEN_SECONDS]);
        const [row] = await this.catalog.query<{ waiting: boolean }[]>(ANY_FREE, [this.kinds.names, this.code]);
        if (row?.waiting && this.slots.size < OPERATION_SLOTS) this.openSlot();
      } catch (error) {
        this.logger.debug(`Operations cannot be looked for: ${messageOf(error)}`); // the catalog's own checks tell of it
      }
      await this.pause();
    }
  }

  private pause(): Promise<void> {
    if (this.ending.signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LOOK_MS);
      this.wakeUp = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  private openSlot(): void {
    const slot = this.workThrough()
      .catch((error: unknown) => this.logger.warn(`Operations are interrupted: ${messageOf(error)}`))
      .finally(() => this.slots.delete(slot));
    this.slots.add(slot);
  }

  /** One operation after the other over one connection, until none is left. */
  private async workThrough(): Promise<void> {
    const lock = await OperationLock.open(this.catalogTarget, this.options);
    try {
      const next = (): Promise<string | undefined> => lock.takeNext({ kinds: this.kinds.names, code: this.code });
      let id = await next();
      if (id !== undefined) this.wake(); // there may be one more, for another slot
      while (id !== undefined && !this.ending.signal.aborted) {
        await this.workOn(lock, id);
        id = await next();
      }
    } finally {
      await lock.close();
    }
  }

  private async workOn(lock: OperationLock, id: string): Promise<void> {
    const record = new OperationRecord(lock.client, id);
    const row = await record.begin(this.instance);
    const kind = row && this.kinds.named(row.kind);
    if (row && kind) await this.execute(kind, row, record, lock);
    await lock.release(id);
  }

  private async execute(
    kind: OperationKind,
    row: OperationRow,
    record: OperationRecord,
    lock: OperationLock,
  ): Promise<void> {
    const name = `${row.kind} ${row.subject} (${row.id})`;
    try {
      if (row.attempts > MAX_ATTEMPTS) throw new OperationGivenUpError(row.attempts);
      const outside = AbortSignal.any([lock.lost, this.ending.signal]);
      await new OperationExecution(kind, row, record, outside).run();
      this.logger.log(`Done: ${name}`);
    } catch (error) {
      if (lock.lost.aborted || error instanceof OperationLostError) throw new OperationLostError();
      if (this.ending.signal.aborted) return; // whatever it ended with: it goes on elsewhere
      await this.recordFailure(kind, row, record, error);
      const reason = error instanceof Error ? (error.stack ?? error.message) : String(error);
      if (!(error instanceof OperationCancelledError)) this.logger.warn(`Failed: ${name}: ${reason}`);
    }
  }

  private async recordFailure(
    kind: OperationKind,
    row: OperationRow,
    record: OperationRecord,
    error: unknown,
  ): Promise<void> {
    const failure = failureOf(error);
    if (isTransient(error) && row.attempts < FAILURES_THAT_PASS) {
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

function notReached({ id, kind, subject, status, error }: OperationEntity): OperationFailedError {
  const message = error?.message ?? `it was ${status}`;
  return new OperationFailedError(id, error?.code ?? 'OPERATION_CANCELLED', `${kind} ${subject}: ${message}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
