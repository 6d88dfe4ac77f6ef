import { Inject, Injectable, Logger, type OnApplicationBootstrap, Optional } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { DataSource } from 'typeorm';
import { CATALOG } from '../catalog-data-source.js';
import { ConnectionTargetEntity } from '../entities/connection-target.entity.js';
import { ServerOwner } from '../server-owner.js';
import { AdminConnections } from '../../database/admin-connections/admin-connections.js';
import { TenantDataSources } from '../../database/data-source/tenant-data-sources.js';
import { compareEntityTables } from '../../database/table-migrations/comparison/compare-entity-tables.js';
import { orderedNames } from '../../database/table-migrations/versions/migration-names.js';
import { TENANT_SCHEMA, type TenantSchema } from '../../database/table-migrations/tenant-schema/tenant-schema.js';
import { reasonOf } from '../../platform/errors/reason-of.js';

/** How often tables that differ are looked at again, at most: a migration may have mended them. */
const REPEAT_MS = 10_000;

interface Place {
  readonly targetId: string;
  readonly schema: string;
}

/** One set of tables of each isolation, of those that are fully migrated: the others are expected to differ. */
const REPRESENTATIVES = `
  SELECT DISTINCT ON (t.isolation) t.target_id AS "targetId", t.schema_name AS schema
  FROM tenants t JOIN migration_sets m ON m.digest = t.migration_set
  WHERE t.status = 'active' AND m.names @> $1::text[]`;

/**
 * Compares representative tables with what the entities map: a forgotten migration would fail each request that needs it.
 * A server compares at its start. It goes on in any case: other entities' requests are served.
 */
@Injectable()
export class EntityTables implements OnApplicationBootstrap {
  private readonly logger = new Logger('Migrations');
  private found: readonly string[] = [];
  private comparedAt = -Infinity;
  private running: Promise<void> | undefined;

  constructor(
    @Inject(CATALOG) private readonly catalog: DataSource,
    @Inject(TENANT_SCHEMA) private readonly schema: TenantSchema,
    private readonly owner: ServerOwner,
    private readonly adminConnections: AdminConnections,
    private readonly dataSources: TenantDataSources,
    @Optional() private readonly host?: HttpAdapterHost,
  ) {}

  /** Not awaited: a database that does not answer must not delay the start. */
  onApplicationBootstrap(): void {
    if (this.host?.httpAdapter) void this.refresh();
  }

  /** What differed when it was last compared; compares again, for later calls, while something does. */
  differences(): readonly string[] {
    if (this.found.length > 0 && performance.now() - this.comparedAt > REPEAT_MS) void this.refresh();
    return this.found;
  }

  /** What differs now. Tables that cannot be reached are left out. */
  async compare(): Promise<readonly string[]> {
    const places = await this.catalog.query<Place[]>(REPRESENTATIVES, [orderedNames(this.schema.migrations)]);
    const found = await Promise.all(places.map((place) => this.compareAt(place)));
    return [...new Set(found.flat())];
  }

  private async compareAt({ targetId, schema }: Place): Promise<readonly string[]> {
    try {
      const { server, database, role } = await this.catalog
        .getRepository(ConnectionTargetEntity)
        .findOneOrFail({ where: { id: targetId }, relations: { server: true } });
      return await this.adminConnections.use(this.owner.of(server, database), async (client) => {
        const query = async (text: string, values: unknown[]) => (await client.query(text, values)).rows;
        const { expectedTables } = this.dataSources;
        return (await compareEntityTables(query, [schema], expectedTables, { role })).get(schema) ?? [];
      });
    } catch (error) {
      this.logger.debug(`Cannot compare tables with entities: ${reasonOf(error)}`);
      return [];
    }
  }

  private refresh(): Promise<void> {
    this.running ??= this.compareAndReport().finally(() => {
      this.running = undefined;
    });
    return this.running;
  }

  private async compareAndReport(): Promise<void> {
    try {
      const found = await this.compare();
      const isNew = found.join() !== this.found.join();
      [this.found, this.comparedAt] = [found, performance.now()];
      if (!isNew) return;
      if (found.length === 0) return this.logger.log('The tables fit the entities');
      const remedy = 'requests that need them fail: add the missing migration, or mark an entity `synchronize: false`';
      this.logger.error(`The tables do not fit the entities; ${remedy}: ${found.join('; ')}`);
    } catch (error) {
      this.logger.debug(`Cannot compare tables with entities: ${reasonOf(error)}`);
    }
  }
}
