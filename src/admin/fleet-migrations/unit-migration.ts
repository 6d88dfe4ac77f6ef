import { Inject, Injectable, Logger } from '@nestjs/common';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import { ServerOwner } from '../../catalog/server-owner.js';
import { isLostConnection } from '../../platform/postgres/lost-connection.js';
import { type MigratedTables, migrateTables } from '../../database/table-migrations/migrate-tables.js';
import { orderedNames } from '../../database/table-migrations/migration-names.js';
import { AdminConnections } from '../../database/admin-connections/admin-connections.js';
import { recordedMigrations } from '../../database/table-migrations/recorded-migrations.js';
import { TargetUnavailableError } from '../../database/connection/connection.errors.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema.js';
import { failureOf } from '../../operations/operation-execution.js';
import { type FleetUnit, FleetUnits } from './fleet-units.js';
import type { FleetMigration } from './fleet-migration.schemas.js';
import { UnitResults } from './unit-results.js';

export type UnitOutcome = 'migrated' | 'failed' | 'gone';

/** What all units of one wave have in common. */
export interface Wave {
  readonly operationId: string;
  readonly request: FleetMigration;
  /** Stops the units in hand; nothing is recorded of what was stopped. */
  readonly signal: AbortSignal;
  /** Servers that did not answer in this wave, and what their units fail with. */
  readonly down: Map<string, TargetUnavailableError>;
}

/** How far a unit came that failed. */
interface Failed {
  readonly error: unknown;
  readonly reached: string | null;
}

/** Brings the tables of one unit up to date, and records for its tenants how that ended. */
@Injectable()
export class UnitMigration {
  private readonly logger = new Logger('Migrations');

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
    private readonly owner: ServerOwner,
    private readonly owners: AdminConnections,
    private readonly units: FleetUnits,
    private readonly results: UnitResults,
  ) {}

  /** @throws the signal's reason, or when the catalog fails: what went wrong with the unit itself is its outcome */
  async run(unit: FleetUnit, wave: Wave): Promise<UnitOutcome> {
    const target = await this.catalog
      .getRepository(ConnectionTargetEntity)
      .findOne({ where: { id: unit.targetId }, relations: { server: true } });
    if (!target) return 'gone';
    const start = performance.now();
    const duration = (): number => Math.round(performance.now() - start);
    const ended = await this.migrate(unit, target, wave);
    if (!('error' in ended)) {
      await this.results.succeeded(wave.operationId, unit, { version: ended.version, durationMs: duration() });
      return 'migrated';
    }
    if (!(await this.units.isBehind(unit))) return 'gone'; // removed or moved meanwhile: no wonder, and nobody's failure
    this.logger.warn(`Not migrated: ${unit.schema} in ${target.database}: ${describe(ended.error)}`);
    const { onFailure, message } = wave.request;
    await this.results.failed(wave.operationId, unit, this.units.newest, {
      failure: failureOf(ended.error),
      reached: ended.reached,
      durationMs: duration(),
      maintenance: onFailure === 'maintenance' ? message : null,
    });
    return 'failed';
  }

  private async migrate(
    { schema, serverId }: FleetUnit,
    { server, database, role }: ConnectionTargetEntity,
    { request: { lockTimeoutMs, attempts }, signal, down }: Wave,
  ): Promise<MigratedTables | Failed> {
    const isDown = down.get(serverId);
    if (isDown) return { error: isDown, reached: null };
    const { migrations } = this.schema;
    try {
      return await this.owners.use(
        this.owner.of(server, database),
        async (client) => {
          try {
            return await migrateTables(client, { schema, role }, migrations, { lockTimeoutMs, attempts, signal });
          } catch (error) {
            return { error, reached: signal.aborted ? null : await this.reached(client, schema) };
          }
        },
        { signal },
      );
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof TargetUnavailableError && isOfServer(error)) down.set(serverId, error);
      return { error, reached: null };
    } finally {
      signal.throwIfAborted();
    }
  }

  /** Those before the one that failed may have been done. */
  private async reached(client: pg.ClientBase, schema: string): Promise<string | null> {
    try {
      const recorded = await recordedMigrations(client, schema);
      const names = orderedNames(this.schema.migrations);
      const missing = names.findIndex((name) => !recorded.includes(name));
      return missing > 0 ? (names[missing - 1] ?? null) : null;
    } catch {
      return null; // the connection is gone: what it was told first is what is recorded
    }
  }
}

/** Whether it is the server that does not answer, and not one database or login that it refuses. */
function isOfServer({ cause }: TargetUnavailableError): boolean {
  return !(cause instanceof pg.DatabaseError) || isLostConnection(cause);
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
