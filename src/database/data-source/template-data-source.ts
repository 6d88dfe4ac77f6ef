import { DataSource, type DataSourceOptions } from 'typeorm';
import type { TenantSchema } from '../table-migrations/tenant-schema.js';
import { freezeShared } from './frozen-graph.js';
import { refuseOperations } from './refused-operations.js';
import { SilentTypeormLogger } from '../../platform/postgres/silent-typeorm-logger.js';
import { refuseActiveRecord, refuseUnshareable } from './unsupported-entities.js';

/** What every tenant's driver inherits. */
const DRIVER_PROPERTIES = {
  // TypeORM asks the server for these when it connects. True of every PostgreSQL that is supported, 15 being the oldest.
  version: '15.0',
  isGeneratedColumnsSupported: true,
};

/**
 * The data source that is never connected: it builds the entity metadata once, and every tenant's data source shares
 * that graph.
 */
export class TemplateDataSource extends DataSource {
  /** @throws UnsupportedEntityError naming every entity that cannot be shared, and why */
  static async build(schema: TenantSchema): Promise<TemplateDataSource> {
    refuseActiveRecord(schema.entities);
    const template = new TemplateDataSource(options(schema));
    await template.buildMetadatas();
    refuseUnshareable(template.entityMetadatas);
    Object.assign(template.driver, DRIVER_PROPERTIES);
    refuseOperations(template);
    freezeShared(template);
    return template;
  }
}

function options(schema: TenantSchema): DataSourceOptions {
  return {
    type: 'postgres',
    entities: [...schema.entities] as (new () => object)[],
    subscribers: [...(schema.subscribers ?? [])],
    installExtensions: false,
    uuidExtension: 'pgcrypto', // `gen_random_uuid()`, built in since PostgreSQL 13
    logger: new SilentTypeormLogger(),
  };
}
