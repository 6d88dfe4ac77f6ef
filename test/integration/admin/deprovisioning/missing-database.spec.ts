import { afterAll, expect, it } from '@jest/globals';
import { isMissingDatabase } from '../../../../src/admin/deprovisioning/place-removal.js';
import { AdminConnections } from '../../../../src/database/admin-connections/admin-connections.js';
import type { AppConfig } from '../../../../src/platform/config/app-config.js';
import { POOL_OPTIONS } from '../../../support/pool/test-pool.js';
import { ownerTarget } from '../../../support/tables/migration-fixture.js';

const { reuse: enabled, ...options } = POOL_OPTIONS;
const owners = new AdminConnections({
  pool: { enabled, serverMaxConnections: 30, ...options },
} as unknown as AppConfig);

afterAll(() => owners.close(1_000));

it('a database that does not exist is told from a server that cannot be reached', async () => {
  const target = ownerTarget('never_created');
  const failureOf = (server: Partial<typeof target.server>): Promise<unknown> =>
    owners
      .use({ ...target, server: { ...target.server, ...server } }, () => Promise.resolve())
      .catch((error: unknown) => error);
  expect(isMissingDatabase(await failureOf({}))).toBe(true);
  expect(isMissingDatabase(await failureOf({ id: 'elsewhere', port: 1 }))).toBe(false);
});
