import { TemplateDataSource } from '../../../src/database/data-source/template-data-source.js';
import { createTenantDataSource } from '../../../src/database/data-source/tenant-data-source.js';
import type { PoolOptions } from '../../../src/database/pool/pool-options.js';
import type { AppConfig } from '../../../src/platform/config/app-config.js';
import type { TenantContext } from '../../../src/tenant/context/tenant-context.js';
import { newTenantContext } from '../tenant-context.js';
import { TenantPool } from '../../../src/tenant/tenant-pool/tenant-pool.js';
import { accessTo, type TestPool } from '../pool/test-pool.js';
import type { TenantDatabase } from '../postgres/tenant-database.js';
import {
  createNotesDatabase,
  openPool,
  POOL_OPTIONS,
  tenantIn,
  type TestTenant,
} from '../statements/notes-database.js';

/** Two tenants with the same table `notes`, and the one `TenantPool` that serves both. */
export class PoolRig {
  readonly one = tenantIn('shared');
  readonly two = tenantIn('shared');

  private constructor(
    readonly database: TenantDatabase,
    readonly connections: TestPool,
    readonly context: TenantContext,
    private readonly template: TemplateDataSource,
  ) {}

  static async create(options: Partial<PoolOptions> = {}): Promise<PoolRig> {
    const database = await createNotesDatabase('shared');
    const template = await TemplateDataSource.build({ entities: [], migrations: [] });
    return new PoolRig(database, openPool('pooled', database.target, options), newTenantContext(), template);
  }

  /** One more of them: `end()` is for good. */
  newPool(): TenantPool {
    return new TenantPool(this.context, { pool: { ...POOL_OPTIONS } } as unknown as AppConfig);
  }

  /** Runs `work` in the tenant's context. */
  run<T>({ id, schema, stamp }: TestTenant, work: () => Promise<T>): Promise<T> {
    const dataSource = createTenantDataSource(this.template, accessTo(this.connections, stamp), schema);
    return this.context.run({ tenant: { id, slug: id } as never, dataSource }, work);
  }

  async dispose(): Promise<void> {
    await this.connections.end();
    await this.database.drop();
  }
}
