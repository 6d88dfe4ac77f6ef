import { Inject, Injectable, Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { TENANTRY_ACTOR } from '../../catalog/audit/actor.js';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { OperationRunner } from '../../operations/operation-runner.js';
import { Operations } from '../../operations/operations.js';
import { ConflictError } from '../../platform/errors/request.errors.js';
import { reasonOf } from '../../platform/errors/reason-of.js';
import { Shutdown } from '../../platform/shutdown/shutdown.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { orderedNames } from '../../database/table-migrations/versions/migration-names.js';
import { codeVersion } from '../../database/table-migrations/versions/migration-version.js';
import { FillSparesKind, SPARE_TENANTS } from './fill-spares.kind.js';
import { SpareTenants } from './spare-tenants.js';

/** Sign-ups of any instance are noticed by then. */
const CHECK_MS = 5_000;
/** After a check that failed, and after an operation that failed, so that neither is repeated all the time. */
const PAUSE_MS = 60_000;

/** Keeps the supply of spare tenants full: where some are missing, requests the operation that adds them. */
@Injectable()
export class SpareSupply {
  private readonly logger = new Logger('SpareTenants');
  private timer: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
    private readonly spares: SpareTenants,
    private readonly kind: FillSparesKind,
    private readonly operations: Operations,
    private readonly runner: OperationRunner,
    shutdown: Shutdown = new Shutdown(),
  ) {
    shutdown.add('pause operations', () => this.stop());
  }

  /** Checks now, and from then on until shutdown. Does nothing unless spare tenants are configured. */
  start(): void {
    if (this.spares.areWanted && !this.timer) this.checkIn(0);
  }

  private stop(): void {
    this.isStopped = true;
    clearTimeout(this.timer);
  }

  private checkIn(delayMs: number): void {
    if (this.isStopped) return;
    this.timer = setTimeout(() => {
      this.check().then(
        (wasFailing) => this.checkIn(wasFailing ? PAUSE_MS : CHECK_MS),
        (error: unknown) => {
          this.logger.warn(`Cannot check for spare tenants: ${reasonOf(error)}`);
          this.checkIn(PAUSE_MS);
        },
      );
    }, delayMs).unref();
  }

  /** @returns whether the last operation has failed, which is then repeated after a pause only */
  private async check(): Promise<boolean> {
    const isFailing = await this.hasFailed();
    const unfinished = await this.spares.unfinished();
    if (unfinished.length === 0 && (await this.spares.countMissing()) === 0) return false;
    const { migrations } = this.schema; // older code would create outdated tables
    const code = { requiredCode: codeVersion(migrations), requiredMigrations: orderedNames(migrations) };
    const creation = { kind: this.kind, input: {}, tenantId: null, subject: SPARE_TENANTS, ...code };
    try {
      await this.catalog.transaction((catalog) => this.operations.create(catalog, creation, TENANTRY_ACTOR));
      this.runner.wake();
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error; // one is in progress
    }
    return isFailing;
  }

  private async hasFailed(): Promise<boolean> {
    const [last] = await this.catalog.query<{ status: string }[]>(
      'SELECT status FROM operations WHERE kind = $1 ORDER BY created_at DESC, id DESC LIMIT 1',
      [this.kind.name],
    );
    return last?.status === 'failed';
  }
}
