import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { CatalogChangeFeed } from '../../../../src/catalog/feed/catalog-change-feed.js';
import { type CatalogChange, type CatalogEvent, CatalogEvents } from '../../../../src/catalog/feed/catalog-events.js';
import { DEFAULT_SERVER } from '../../../../src/catalog/catalog-target.js';
import { openCatalog } from '../../../../src/catalog/catalog-data-source.js';
import type { AppConfig } from '../../../../src/platform/config/app-config.js';
import { targetOfUrl } from '../../../../src/database/connection/connection-target.js';
import { soon } from '../../../support/load/soon.js';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres/postgres.js';
import { POOL_OPTIONS } from '../../../support/pool/test-pool.js';
import { isNamedFor } from '../../../../src/platform/postgres/application-name.js';

const ID = '00000000-0000-4000-8000-000000000001';

let database: TestDatabase;
let feed: CatalogChangeFeed;
let catalog: DataSource;
const received: CatalogEvent[] = [];

beforeAll(async () => {
  database = await createTestDatabase('catalog');
  const target = targetOfUrl(database.url, DEFAULT_SERVER);
  catalog = await openCatalog(target, POOL_OPTIONS);
  const events = new CatalogEvents();
  events.subscribe('cache', (event) => void received.push(event));
  feed = new CatalogChangeFeed({ pool: POOL_OPTIONS } as unknown as AppConfig, target, catalog, events);
  await feed.onModuleInit();
});

afterAll(async () => {
  await feed.close();
  await catalog.destroy();
  await database.drop();
});

/** The changes announced for one statement, which any client may send. */
async function eventsOf(statement: string): Promise<CatalogChange[]> {
  received.length = 0;
  await database.admin(statement);
  await database.admin(`SELECT pg_notify('tenantry_catalog', '{"domains":["end"]}')`);
  const changes = (): CatalogChange[] => received.filter((event): event is CatalogChange => event.kind === 'change');
  await soon(async () => expect(changes().some(({ domains }) => domains.includes('end'))).toBe(true));
  return changes().slice(0, -1);
}

describe('the catalog', () => {
  it('increments the version at every change, whatever the writer sets, and announces it', async () => {
    await eventsOf(`INSERT INTO tenants (id, slug, isolation) VALUES ('${ID}', 'acme', 'row')`);
    expect(await eventsOf(`UPDATE tenants SET message = 'x', version = 1 WHERE id = '${ID}'`)).toEqual([
      expect.objectContaining({ tenantId: ID, version: 2, slugs: ['acme'] }),
    ]);
    const rows = await database.admin(`SELECT version FROM tenants WHERE id = '${ID}'`);
    expect(rows).toEqual([{ version: 2 }]);
  });

  it('announces both names of a renamed tenant', async () => {
    const [event] = await eventsOf(`UPDATE tenants SET slug = 'acme-2' WHERE id = '${ID}'`);
    expect(event?.slugs.toSorted()).toEqual(['acme', 'acme-2']);
  });

  it.each([
    ['a key', `INSERT INTO api_keys (id, tenant_id, secret_hash) VALUES ('k1', '${ID}', 'x')`, { keyIds: ['k1'] }],
    ['a revoked key', `UPDATE api_keys SET revoked_at = now() WHERE id = 'k1'`, { keyIds: ['k1'] }],
    ['a removed key', `DELETE FROM api_keys WHERE id = 'k1'`, { keyIds: ['k1'] }],
    ['a domain', `INSERT INTO tenant_domains VALUES ('a.example.com', '${ID}')`, { domains: ['a.example.com'] }],
  ])('announces %s by its name, and its tenant', async (_what, statement, expected) => {
    const events = await eventsOf(statement);
    expect(events).toContainEqual(expect.objectContaining(expected));
    expect(events).toContainEqual(expect.objectContaining({ tenantId: ID }));
  });

  it('announces every target of a server whose address changed', async () => {
    const targetId = '00000000-0000-4000-8000-000000000002';
    await eventsOf(`INSERT INTO connection_targets (id, server_id, kind, database, role, password_sealed)
      SELECT '${targetId}', id, 'shared', 'd', 'r', 's' FROM servers`);
    expect(await eventsOf(`UPDATE servers SET max_connections = 7`)).toEqual([expect.objectContaining({ targetId })]);
  });

  it('announces a deleted tenant', async () => {
    expect(await eventsOf(`DELETE FROM tenants WHERE id = '${ID}'`)).toContainEqual(
      expect.objectContaining({ tenantId: ID, slugs: ['acme-2'] }),
    );
  });

  it('announces that anything may have changed after TRUNCATE or an unreadable message', async () => {
    await eventsOf('TRUNCATE api_keys');
    expect(received).toContainEqual({ kind: 'unknown-change' });
    await eventsOf(`SELECT pg_notify('tenantry_catalog', 'no json')`);
    expect(received).toContainEqual({ kind: 'unknown-change' });
  });
});

describe('the change feed', () => {
  it('reports when its connection is lost and when it listens again, and receives later changes', async () => {
    received.length = 0;
    await database.admin(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE ${isNamedFor('signed notifications')} AND datname = current_database()`,
    );
    await soon(async () => expect(received.some(({ kind }) => kind === 'restored')).toBe(true));
    expect(received.map(({ kind }) => kind)).toEqual(['lost', 'restored']);
    expect(feed.connected).toBe(true);
    expect(await eventsOf(`INSERT INTO tenants (slug, isolation) VALUES ('late', 'row')`)).toEqual([
      expect.objectContaining({ slugs: ['late'] }),
    ]);
  });
});
