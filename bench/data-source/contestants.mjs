import { randomUUID } from 'node:crypto';
import { DataSource } from 'typeorm';
import { createTenantDataSource } from '../../dist/database/data-source/tenant-data-source.js';
import { TemplateDataSource } from '../../dist/database/data-source/template-data-source.js';
import { TargetPool } from '../../dist/database/pool/target-pool.js';
import { ServerBudget } from '../../dist/database/budget/server-budget.js';
import { createStamp } from '../../dist/database/statements/stamps/stamp.js';
import { TenantAccess } from '../../dist/database/statements/tenant-access.js';
import { entitySchemas } from './entities.mjs';

/**
 * Ours: `create` creates one tenant's data source over the shared metadata graph and the shared pool. Graph and pool
 * are built once per process, and not measured.
 */
export async function tenantDataSources(server, entityCount) {
  const template = await TemplateDataSource.build({ entities: entitySchemas(entityCount), migrations: [] });
  const { host, port, database, role, password } = server;
  const target = {
    id: 'bench',
    version: '1',
    server: { id: 'bench', host, port, tls: 'disable' },
    database,
    role,
    password,
  };
  const limits = { size: 4, maxOverflow: 0, recycleSeconds: 3600, timeoutMs: 30_000, connectTimeoutMs: 5_000 };
  const options = { ...limits, reuse: true, statementTimeoutMs: 30_000, leaseWarningMs: 60_000 };
  const pool = new TargetPool({ target, options, budget: new ServerBudget(10) });
  const share = { maxConcurrent: 4, maxQueued: 100 };
  return {
    create: async () => {
      const id = randomUUID();
      const access = new TenantAccess(pool, createStamp(id, `t_${id}`), share);
      return createTenantDataSource(template, access, `t_${id}`);
    },
    destroy: async () => {},
    close: () => pool.end(),
  };
}

/** Plain TypeORM: one data source per tenant, with a pool of one connection. */
export async function plainDataSources({ host, port, database, role, password }, entityCount) {
  const entities = entitySchemas(entityCount);
  const options = { type: 'postgres', host, port, database, username: role, password, poolSize: 1, entities };
  return {
    create: () => new DataSource({ ...options, installExtensions: false, logging: false }).initialize(),
    destroy: (dataSource) => dataSource.destroy(),
    close: async () => {},
  };
}
