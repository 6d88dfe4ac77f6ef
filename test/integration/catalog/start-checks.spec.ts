import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { openCatalog } from '../../../src/catalog/catalog-data-source.js';
import { CatalogUnavailableError, MissingRightsError } from '../../../src/catalog/catalog.errors.js';
import { withStartupWait } from '../../../src/catalog/startup-wait.js';
import { targetOfUrl } from '../../../src/database/connection/connection-target.js';
import { asSuperuser, createTestDatabase, type TestDatabase, testServer } from '../../support/postgres/postgres.js';
import { TcpProxy } from '../../support/processes/tcp-proxy.js';
import { POOL_OPTIONS } from '../../support/pool/test-pool.js';

let database: TestDatabase;

beforeAll(async () => {
  database = await createTestDatabase('catalog');
});

afterAll(async () => database.drop());

function open(url: string): Promise<unknown> {
  return openCatalog(targetOfUrl(url, 'default'), POOL_OPTIONS);
}

it('a start that may wait goes on when the catalog is back, and names its limit when it is not', async () => {
  const proxy = await TcpProxy.before(testServer());
  const target = proxy.through(targetOfUrl(database.url, 'default'));
  proxy.cut();
  const attempts: unknown[] = [];
  const attempt = (): ReturnType<typeof openCatalog> => {
    if (attempts.push(undefined) === 2) proxy.mend();
    return openCatalog(target, POOL_OPTIONS);
  };
  await (await withStartupWait(20_000, attempt)).destroy();
  expect(attempts).toHaveLength(2);
  proxy.cut();
  const failure = withStartupWait(600, () => openCatalog(target, POOL_OPTIONS));
  await expect(failure).rejects.toThrow(/^waited 0.6 s \(STARTUP_WAIT\): the catalog at .* cannot be reached/);
  await expect(withStartupWait(0, () => openCatalog(target, POOL_OPTIONS))).rejects.toThrow(CatalogUnavailableError);
  await proxy.close();
});

describe('at start the catalog', () => {
  it('names every right that the role of DATABASE_URL lacks', async () => {
    const role = `${database.name}_poor`;
    await database.admin(`CREATE ROLE ${role} LOGIN PASSWORD 'secret-of-poor'`);
    const url = new URL(database.url);
    url.username = role;
    url.password = 'secret-of-poor';
    const failure = await open(url.href).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MissingRightsError);
    expect((failure as MissingRightsError).message).toMatch(/CREATEDB and CREATEROLE and CREATE in the schema/);
    await asSuperuser('postgres', `DROP ROLE ${role}`);
  });

  it.each([
    ['a wrong password', (url: URL) => (url.password = 'wrong-password')],
    ['a database that does not exist', (url: URL) => (url.pathname = '/no_such_database')],
    ['a closed port', (url: URL) => (url.port = '1')],
  ])('reports in one line that it cannot be reached: %s', async (_what, change) => {
    const url = new URL(database.url);
    change(url);
    const failure = await open(url.href).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CatalogUnavailableError);
    expect((failure as Error).message).toMatch(/^the catalog at .* cannot be reached: .+$/);
    expect((failure as Error).message).not.toContain(url.password);
  });

  it('is migrated once when two instances open it at the same time', async () => {
    const opened = await Promise.all([open(database.url), open(database.url)]);
    for (const catalog of opened as { destroy(): Promise<void> }[]) await catalog.destroy();
    const [recorded] = await database.admin<{ all: number; different: number }>(
      'SELECT count(*)::int AS all, count(DISTINCT name)::int AS different FROM catalog_migrations',
    );
    expect(recorded?.all).toBeGreaterThan(0);
    expect(recorded?.different).toBe(recorded?.all);
  });
});
