import { Inject, Injectable } from '@nestjs/common';
import pg from 'pg';
import type { ConnectionTargetEntity } from '../../catalog/entities/connection-target.entity.js';
import { ArchiveTablesError } from '../../database/archives/archive.errors.js';
import type { CopyPlace } from '../../database/copy/copy-place.js';
import { migrateTables } from '../../database/table-migrations/execution/migrate-tables.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { migrationName } from '../../database/table-migrations/versions/migration-names.js';
import { createSchemaSql } from '../../platform/postgres/create-schema.js';
import { ReferenceRows } from '../reference-rows/reference-rows.js';
import { TargetDatabases } from '../targets/target-databases.js';

/** Tables of no tenant, in a database of tenants, which an operation makes, fills, migrates and drops again. */
@Injectable()
export class ScratchTables {
  constructor(
    @Inject(TENANT_SCHEMA) private readonly tenantSchema: TenantSchema,
    private readonly targets: TargetDatabases,
    private readonly referenceRows: ReferenceRows,
  ) {}

  /**
   * Has tables of an older version, new and without rows but those of reference tables.
   *
   * @param migrations names of all that they have
   * @throws ArchiveTablesError when the application lacks one of them
   */
  async create(
    place: CopyPlace,
    { role }: ConnectionTargetEntity,
    migrations: readonly string[],
    signal: AbortSignal,
  ): Promise<void> {
    const { client, schema } = place;
    this.assertKnown(migrations);
    await dropSchema(client, schema);
    await client.query(createSchemaSql(schema));
    const chosen = this.tenantSchema.migrations.filter((one) => migrations.includes(migrationName(one)));
    await migrateTables(client, { schema, role }, chosen, this.options(signal));
    await this.referenceRows.bringUncounted(client, schema, signal);
  }

  /** Brings them to the version of the application. */
  async migrate({ client, schema }: CopyPlace, { role }: ConnectionTargetEntity, signal: AbortSignal): Promise<void> {
    await migrateTables(client, { schema, role }, this.tenantSchema.migrations, this.options(signal));
    await this.referenceRows.bringUncounted(client, schema, signal);
  }

  /** @throws ArchiveTablesError when the application lacks one of them */
  assertKnown(migrations: readonly string[]): void {
    const known = new Set(this.tenantSchema.migrations.map(migrationName));
    const unknown = migrations.find((name) => !known.has(name));
    if (unknown !== undefined)
      throw new ArchiveTablesError(`it has the migration "${unknown}", which is not in its code`);
  }

  /** Runs `work` with a connection of the owner. */
  use<T>(
    target: ConnectionTargetEntity,
    schema: string,
    signal: AbortSignal,
    work: (place: CopyPlace) => Promise<T>,
  ): Promise<T> {
    return this.targets.use(target, (client) => work({ client, schema, isAlone: true }), { signal });
  }

  async drop(target: ConnectionTargetEntity, schema: string, signal: AbortSignal): Promise<void> {
    await this.targets.use(target, (client) => dropSchema(client, schema), { signal });
  }

  private options(signal: AbortSignal) {
    const { trustedFunctions = [], typeorm } = this.tenantSchema;
    return { signal, trustedFunctions, namingStrategy: typeorm?.namingStrategy };
  }
}

/** No tenant has such a schema. */
const SCRATCH = /^i_[0-9a-f]{32}$/;

/** Name of the scratch schema of an operation. */
export function scratchSchemaName(operationId: string): string {
  return `i_${operationId.replaceAll('-', '')}`;
}

async function dropSchema(client: pg.ClientBase, schema: string): Promise<void> {
  if (!SCRATCH.test(schema)) throw new Error('not the schema of an operation');
  await client.query(`DROP SCHEMA IF EXISTS ${pg.escapeIdentifier(schema)} CASCADE`);
}
