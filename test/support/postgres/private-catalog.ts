import { TestApp } from '../test-app.js';
import { PASSWORDS } from './embedded-server.js';
import type { TestDatabase } from './postgres.js';
import type { PrivatePostgres } from './private-postgres.js';

/** The catalog on a server that the test may break, reached at another address if one is given. */
export function privateCatalog(server: PrivatePostgres, address = `127.0.0.1:${server.address.port}`): TestDatabase {
  return {
    name: 'tenantry',
    url: `postgres://tenantry:${encodeURIComponent(PASSWORDS.owner)}@${address}/tenantry`,
    admin: (text, values) => server.admin(text, values),
    drop: () => Promise.resolve(), // the whole server goes
  };
}

/** An instance over it. */
export function overPrivateCatalog(
  server: PrivatePostgres,
  env: Record<string, string>,
  address?: string,
): Promise<TestApp> {
  return TestApp.over(privateCatalog(server, address), env);
}
