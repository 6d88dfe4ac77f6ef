import { Global, Module } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { APP_CONFIG, type AppConfig } from '../platform/config/app-config.js';
import type { ConnectionTarget } from '../database/connection/connection-target.js';
import { ServerBudgets } from '../database/budget/server-budgets.js';
import { SlotQueue } from '../database/budget/slot-queue.js';
import { poolOptions } from '../database/pool/pool-options.js';
import { Shutdown } from '../platform/shutdown/shutdown.js';
import { EncryptionModule } from '../platform/encryption/encryption.module.js';
import { CatalogChangeFeed } from './feed/catalog-change-feed.js';
import { CATALOG, CATALOG_POOL, openCatalog } from './catalog-data-source.js';
import { ValueChanges } from './feed/value-changes.js';
import { CatalogEvents } from './feed/catalog-events.js';
import {
  CATALOG_TARGET,
  catalogTargetProvider,
  DEFAULT_SERVER_ADDRESS,
  defaultServerAddressProvider,
} from './catalog-target.js';
import { PoolerProbe } from './pooler-probe.js';
import { ProvidedDatabaseCheck } from './provided-database-check.js';
import { PlanList } from './plans/plan-list.js';
import { EntityTables } from './tenant-tables/entity-tables.js';
import { MigrationSets } from './tenant-tables/migration-sets.js';
import { ConnectionShares } from './instances/connection-shares.js';
import { LentConnections } from './instances/lent-connections.js';
import { ServerSurveys } from './instances/server-surveys.js';
import { ServerOwner } from './server-owner.js';
import { withStartupWait } from './startup-wait.js';
import { AuditLog } from './audit/audit-log.js';

/** For notifications and health, which have a connection each all the time. */
export const CONSTANT_CONNECTIONS = { kept: 2, max: 2 };

/** The control database: tenants, servers, keys, domains. The source of truth. */
@Global()
@Module({
  imports: [EncryptionModule],
  providers: [
    catalogTargetProvider,
    defaultServerAddressProvider,
    PoolerProbe,
    ProvidedDatabaseCheck,
    {
      provide: CATALOG,
      inject: [CATALOG_TARGET, APP_CONFIG, Shutdown, ServerBudgets],
      useFactory: (target: ConnectionTarget, config: AppConfig, shutdown: Shutdown, budgets: ServerBudgets) =>
        shutdown.duringStart(async () => {
          const budget = budgets.of(target.server);
          budget.reserve(CONSTANT_CONNECTIONS);
          const slots = new SlotQueue(budget.reserve({ kept: CATALOG_POOL.min, max: CATALOG_POOL.max }));
          const { tenantUrl, catalogSchema: schema } = config.database;
          const placement = { isProvided: tenantUrl !== undefined, schema, slots };
          const open = (): Promise<DataSource> => openCatalog(target, poolOptions(config), placement);
          const catalog = await withStartupWait(config.startupWaitMs, open);
          shutdown.add('close the catalog', () => catalog.isInitialized && catalog.destroy());
          return catalog;
        }),
    },
    AuditLog,
    EntityTables,
    MigrationSets,
    ServerOwner,
    CatalogEvents,
    PlanList,
    ValueChanges,
    CatalogChangeFeed,
    ConnectionShares,
    ServerSurveys,
    LentConnections,
  ],
  exports: [
    CATALOG,
    CATALOG_TARGET,
    DEFAULT_SERVER_ADDRESS,
    AuditLog,
    EntityTables,
    MigrationSets,
    ServerOwner,
    CatalogEvents,
    PlanList,
    ValueChanges,
    CatalogChangeFeed,
  ],
})
export class CatalogModule {}
