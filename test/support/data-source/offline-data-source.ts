import { type DataSource, EntitySchema } from 'typeorm';
import { createTenantDataSource } from '../../../src/database/data-source/tenant-data-source.js';
import { TemplateDataSource } from '../../../src/database/data-source/template-data-source.js';
import type { ConnectionPool } from '../../../src/database/pool/connection-pool.js';
import { createStamp } from '../../../src/database/statements/stamps/stamp.js';
import { accessTo } from '../pool/test-pool.js';

const TENANT = '5f0c9d1e-8a64-4c1e-9a6d-3d1f0b2a7c11';

/** Reaches no server: a data source is created without a connection. */
const pool: ConnectionPool = {
  target: {
    ...{ id: 'target', version: '1', database: 'somewhere', role: 'app', password: '' },
    shared: true,
    server: { id: 'server', host: 'localhost', port: 1, tls: 'disable' },
  },
  acquire: () => Promise.reject(new Error('no server')),
  tryAcquire: () => undefined,
  counts: () => ({ total: 0, busy: 0, idle: 0, waiting: 0 }),
};

/** A tenant's data source without a server. */
export function offlineDataSource(template: TemplateDataSource): DataSource {
  return createTenantDataSource(template, accessTo(pool, createStamp(TENANT, 'acme')), 'acme');
}

/** Of entities without a relation, each with a key and five columns. */
export function buildTemplate(entityCount: number): Promise<TemplateDataSource> {
  const text = { type: 'text' } as const;
  const columns = { id: { type: 'uuid', primary: true }, a: text, b: text, c: text, d: text, e: text } as const;
  const entities = Array.from({ length: entityCount }, (_, n) => new EntitySchema({ name: `entity_${n}`, columns }));
  return TemplateDataSource.build({ entities, migrations: [] });
}
