import {
  DataSource,
  type DataSourceOptions,
  type EntityManager,
  type EntityMetadata,
  type EntityTarget,
  type ObjectLiteral,
  type QueryRunner,
  type SelectQueryBuilder,
} from 'typeorm';
import type { TenantAccess } from '../statements/tenant-access.js';
import type { ConstraintMessages, TenantSchema } from '../table-migrations/tenant-schema/tenant-schema.js';
import type { IsolationLevel } from '../table-migrations/tenant-schema/typeorm-options.js';
import { HydratedSelects } from '../hydration/hydrated-selects.js';
import { QueryTexts } from '../query-texts/query-texts.js';
import { prepareTemplate } from '../../platform/postgres/derived-data-source.js';
import { markReferenceEntity } from './entity-owners.js';
import { refuseCentral } from './central-entities.js';
import { freezeShared } from './frozen-graph.js';
import { refuseOperations } from './refused-operations.js';
import { TenantBroadcaster } from './tenant-broadcaster.js';
import { TenantEntityManager } from './tenant-entity-manager.js';
import { SilentTypeormLogger } from '../../platform/postgres/silent-typeorm-logger.js';
import { refuseActiveRecord, refuseUnshareable } from './unsupported-entities.js';
import { refuseUnsupportedOptions } from './unsupported-options.js';

/**
 * A data source that is never connected. It builds the entity metadata once, and all tenants' data sources share that
 * graph.
 */
export class TemplateDataSource extends DataSource {
  /** Set on each tenant's data source. */
  declare readonly tenantId: string;
  /** Set on each tenant's data source. */
  declare readonly access: TenantAccess;
  constraints: ConstraintMessages = {};
  /** Names of the tables of `TenantSchema.referenceEntities`. */
  referenceTables: ReadonlySet<string> = new Set();
  private centralEntities: readonly EntityTarget<ObjectLiteral>[] = [];
  private isolationLevel: IsolationLevel | undefined;

  /**
   * @throws UnsupportedEntityError listing every entity that cannot be shared, with the reason
   * @throws UnsupportedTypeormOptionError
   */
  static async build(schema: TenantSchema): Promise<TemplateDataSource> {
    refuseUnsupportedOptions(schema.typeorm ?? {});
    const { referenceEntities = [] } = schema;
    refuseActiveRecord([...schema.entities, ...referenceEntities]);
    const template = new TemplateDataSource(options(schema));
    template.isolationLevel = schema.typeorm?.isolationLevel;
    template.constraints = schema.constraints ?? {};
    template.centralEntities = schema.centralEntities ?? [];
    await template.buildMetadatas();
    refuseUnshareable(template.entityMetadatas);
    template.markReferences(referenceEntities.map((entity) => template.getMetadata(entity)));
    prepareTemplate(template);
    refuseOperations(template);
    serveKnownQueries(template);
    freezeShared(template);
    return template;
  }

  private markReferences(metadatas: readonly EntityMetadata[]): void {
    const all = metadatas.flatMap((metadata) => [metadata, metadata.closureJunctionTable ?? []].flat());
    for (const metadata of all) markReferenceEntity(metadata);
    this.referenceTables = new Set(all.map(({ tableName }) => tableName));
  }

  // Tenants' data sources inherit these, too: `this` is the tenant's.

  override createEntityManager(queryRunner?: QueryRunner): EntityManager {
    return new TenantEntityManager(this, this.tenantId, queryRunner);
  }

  /** @throws CentralEntityError */
  override hasMetadata(target: EntityTarget<ObjectLiteral>): boolean {
    const isKnown = super.hasMetadata(target);
    if (!isKnown) refuseCentral(target, this.centralEntities);
    return isKnown;
  }

  /** @throws CentralEntityError */
  override getMetadata(target: EntityTarget<ObjectLiteral>): EntityMetadata {
    if (!super.hasMetadata(target)) refuseCentral(target, this.centralEntities);
    return super.getMetadata(target);
  }

  override createQueryRunner(mode?: 'master' | 'slave'): QueryRunner {
    const runner = super.createQueryRunner(mode);
    if (this.isolationLevel !== undefined) defaultIsolationLevel(runner, this.isolationLevel);
    return Object.assign(runner, { broadcaster: new TenantBroadcaster(runner, this) });
  }
}

/** For the builders of all tenants' data sources, which inherit the method. */
function serveKnownQueries(template: TemplateDataSource): void {
  const texts = new QueryTexts();
  const selects = new HydratedSelects(texts);
  const create = template.createQueryBuilder as (
    this: DataSource,
    ...parameters: unknown[]
  ) => SelectQueryBuilder<object>;
  Object.assign(template, {
    createQueryBuilder(this: DataSource, ...parameters: unknown[]) {
      return selects.serve(texts.serve(create.apply(this, parameters)));
    },
  });
}

/** Not left to TypeORM's option `isolationLevel`, which only 1.x has. */
function defaultIsolationLevel(runner: QueryRunner, isolationLevel: IsolationLevel): void {
  const start = runner.startTransaction.bind(runner);
  runner.startTransaction = (level) => start(level ?? isolationLevel);
}

function options(schema: TenantSchema): DataSourceOptions {
  const { isolationLevel: _, ...typeorm } = schema.typeorm ?? {};
  return {
    logger: new SilentTypeormLogger(),
    ...typeorm,
    type: 'postgres',
    entities: [...schema.entities, ...(schema.referenceEntities ?? [])] as (new () => object)[],
    subscribers: [...(schema.subscribers ?? [])],
    installExtensions: false,
    uuidExtension: 'pgcrypto', // `gen_random_uuid()`, built in since PostgreSQL 13
  };
}
