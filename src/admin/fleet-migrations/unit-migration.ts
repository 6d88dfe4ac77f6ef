import { Inject, Injectable, Logger } from '@nestjs/common';
import pg from 'pg';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../../catalog/catalog-data-source.js';
import { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import { isLostConnection } from '../../platform/postgres/lost-connection.js';
import { type MigratedTables, migrateTables } from '../../database/table-migrations/execution/migrate-tables.js';
import { recordedMigrations } from '../../database/table-migrations/versions/recorded-migrations.js';
import { TargetUnavailableError } from '../../database/connection/connection.errors.js';
import { TenantDataSources } from '../../database/data-source/tenant-data-sources.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { failureOf } from '../../platform/postgres/failure-of.js';
import { DatabaseIsolation } from '../isolation/database-isolation.js';
import { type ReferencePlace, ReferenceRows } from '../reference-rows/reference-rows.js';
import { TargetDatabases } from '../targets/target-databases.js';
import { type MigrationUnit, MigrationUnits } from './migration-units.js';
import { type FleetMigration, verifiesAllTables } from './fleet-migration.schemas.js';
import { RowsLeftBehind } from './rows-left-behind.js';
import { UnitResults } from './unit-results.js';
import { reasonOf } from '../../platform/errors/reason-of.js';

export type UnitOutcome = 'migrated' | 'failed' | 'gone';

/** The context that all units of one wave share. */
export interface Wave {
  readonly operationId: string;
  readonly request: FleetMigration;
  /** Stops the units in progress. Stopped units have no recorded outcome. */
  readonly signal: AbortSignal;
  /** Servers that were unavailable in this wave, with the error that the rest of their units fail with. */
  readonly unavailableServers: Map<string, TargetUnavailableError>;
}

/** Why a unit failed, and the migrations that its tables have; null when they could not be read. */
interface UnitError {
  readonly error: unknown;
  readonly recorded: readonly string[] | null;
}

/** Migrates the tables of one unit and records the outcome for its tenants. */
@Injectable()
export class UnitMigration {
  private readonly logger = new Logger('Migrations');

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
    private readonly targets: TargetDatabases,
    private readonly isolation: DatabaseIsolation,
    private readonly units: MigrationUnits,
    private readonly results: UnitResults,
    private readonly leftBehind: RowsLeftBehind,
    private readonly dataSources: TenantDataSources,
    private readonly referenceRows: ReferenceRows,
  ) {}

  /** A failure of the unit itself is its outcome. @throws the signal's reason, or an error of the catalog */
  async run(unit: MigrationUnit, wave: Wave): Promise<UnitOutcome> {
    const target = await this.catalog
      .getRepository(ConnectionTargetEntity)
      .findOne({ where: { id: unit.targetId }, relations: { server: true } });
    if (!target) return 'gone';
    const start = performance.now();
    const duration = (): number => Math.round(performance.now() - start);
    const outcome = await this.migrate(unit, target, wave);
    const verify = verifiesAllTables(wave.request);
    if (!('error' in outcome)) {
      await this.results.succeeded(wave.operationId, unit, {
        ...{ recorded: outcome.recorded, needed: this.units.names, verify },
        durationMs: duration(),
      });
      return 'migrated';
    }
    if (!(await this.units.isDue(unit, verify))) return 'gone'; // since deleted or moved: not a failure
    const error = await this.leftBehind.explain(outcome.error, unit);
    this.logger.warn(`Migration failed: schema ${unit.schema} in database ${target.database}: ${reasonOf(error)}`);
    const { onFailure, message } = wave.request;
    await this.results.failed(wave.operationId, unit, {
      failure: failureOf(error),
      ...{ recorded: outcome.recorded, needed: this.units.names, verify },
      durationMs: duration(),
      maintenance: onFailure === 'maintenance' ? message : null,
    });
    return 'failed';
  }

  private async migrate(
    { schema, serverId }: MigrationUnit,
    target: ConnectionTargetEntity,
    { request: { lockTimeoutMs, attempts }, signal, unavailableServers }: Wave,
  ): Promise<MigratedTables | UnitError> {
    const unavailable = unavailableServers.get(serverId);
    if (unavailable) return { error: unavailable, recorded: null };
    const { role } = target;
    const { migrations, trustedFunctions = [], typeorm } = this.schema;
    const { namingStrategy } = typeorm ?? {};
    const { expectedTables } = this.dataSources;
    const options = { lockTimeoutMs, attempts, signal, trustedFunctions, namingStrategy, expectedTables };
    try {
      return await this.targets.use(
        target,
        async (client) => {
          try {
            await this.isolation.prepare(client, target);
            const tables = await migrateTables(client, { schema, role }, migrations, options);
            await this.bringReferenceRows(client, { targetId: target.id, schema }, signal);
            return tables;
          } catch (error) {
            return { error, recorded: signal.aborted ? null : await readRecorded(client, schema) };
          }
        },
        { signal },
      );
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof TargetUnavailableError && isServerUnavailable(error)) {
        unavailableServers.set(serverId, error);
      }
      return { error, recorded: null };
    } finally {
      signal.throwIfAborted();
    }
  }

  /** A table may be new, and its rows published already. The migration itself has succeeded, whatever comes of them. */
  private async bringReferenceRows(client: pg.Client, place: ReferencePlace, signal: AbortSignal): Promise<void> {
    try {
      await this.referenceRows.bring(client, place, signal);
    } catch (error) {
      this.logger.warn(`Schema ${place.schema} has not got the published reference rows: ${reasonOf(error)}`);
    }
  }
}

/** The migrations that the tables have: those before the failed one may have been applied. */
async function readRecorded(client: pg.ClientBase, schema: string): Promise<readonly string[] | null> {
  try {
    return await recordedMigrations(client, schema);
  } catch {
    return null; // the connection is lost; the original error is the one to record
  }
}

/** Whether the server itself is unavailable, rather than rejecting one database or login. */
function isServerUnavailable({ cause }: TargetUnavailableError): boolean {
  return !(cause instanceof pg.DatabaseError) || isLostConnection(cause);
}
