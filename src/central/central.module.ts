import { type DynamicModule, type FactoryProvider, Module } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { CATALOG, catalogSchemaOf } from '../catalog/catalog-data-source.js';
import { CATALOG_TARGET } from '../catalog/catalog-target.js';
import { withStartupWait } from '../catalog/startup-wait.js';
import { ServerBudgets } from '../database/budget/server-budgets.js';
import { SlotQueue } from '../database/budget/slot-queue.js';
import type { ConnectionTarget } from '../database/connection/connection-target.js';
import { poolOptions } from '../database/pool/pool-options.js';
import { TENANT_SCHEMA, type TenantSchema } from '../database/table-migrations/tenant-schema/tenant-schema.js';
import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import { Shutdown } from '../platform/shutdown/shutdown.js';
import { CENTRAL, CENTRAL_POOL, openCentral } from './central-data-source.js';
import { CENTRAL_TABLES, type CentralTables } from './central-tables.js';
import { CentralSchemaError } from './central.errors.js';

/** Where the central tables are, and what opens them. */
class CentralPlace {
  constructor(
    readonly target: ConnectionTarget,
    private readonly config: AppConfig,
    private readonly catalog: DataSource,
    private readonly shutdown: Shutdown,
    private readonly budgets: ServerBudgets,
  ) {}

  /** @throws CentralSchemaError, and what `openCentral` throws */
  open(tables: CentralTables, { entities, referenceEntities = [] }: TenantSchema): Promise<DataSource> {
    const tenantEntities = [...entities, ...referenceEntities];
    const schema = this.config.database.centralSchema;
    return this.shutdown.duringStart(async () => {
      if (schema === catalogSchemaOf(this.catalog)) throw new CentralSchemaError(schema);
      const slots = new SlotQueue(this.budgets.of(this.target.server).reserve({ kept: 0, max: CENTRAL_POOL.max }));
      const central = await withStartupWait(this.config.startupWaitMs, () =>
        openCentral(this.target, poolOptions(this.config), { tables, schema, tenantEntities, slots }),
      );
      this.shutdown.add('close the catalog', () => central.isInitialized && central.destroy());
      return central;
    });
  }
}

/** The tables of the whole product, in a schema of the catalog's database. Opens nothing unless there are any. */
@Module({})
export class CentralModule {
  /** @param tables provides `CENTRAL_TABLES` */
  static register(tables: FactoryProvider<CentralTables | null>): DynamicModule {
    return {
      module: CentralModule,
      global: true,
      providers: [
        tables,
        {
          provide: CentralPlace,
          inject: [CATALOG_TARGET, APP_CONFIG, CATALOG, Shutdown, ServerBudgets],
          useFactory: (...parts: ConstructorParameters<typeof CentralPlace>) => new CentralPlace(...parts),
        },
        {
          provide: CENTRAL,
          inject: [CentralPlace, CENTRAL_TABLES, TENANT_SCHEMA],
          useFactory: (place: CentralPlace, central: CentralTables | null, schema: TenantSchema) =>
            central && place.open(central, schema),
        },
      ],
      exports: [CENTRAL, CENTRAL_TABLES],
    };
  }
}
