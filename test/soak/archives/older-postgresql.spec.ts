import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ISOLATIONS } from '../../../src/catalog/model/tenant.js';
import { Cli } from '../../support/cli/cli.js';
import { describeIf } from '../../support/describe-if.js';
import { catalogOn, runBackupScript } from '../../support/postgres/debian-catalog.js';
import { hasDebianPostgres } from '../../support/postgres/debian-postgres.js';
import { OlderServer } from '../../support/postgres/older-server.js';
import { TestApp, type TestTenant } from '../../support/test-app.js';

describe('the archive of a tenant', () => {
  describeIf(hasDebianPostgres(15), "Debian's postgresql-15", 'of PostgreSQL 15', () => {
    let folder: string;
    let server: OlderServer;
    let former: TestApp;
    let current: TestApp;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'tenantry-archives-'));
      server = await OlderServer.start(15);
      runBackupScript('createdb --owner="$OWNER" "$CATALOG"', server.server, { folder });
      former = await TestApp.over(catalogOn(server.server));
      current = await TestApp.start();
    });

    afterAll(async () => {
      await former.stop();
      await current.dispose();
      await server.stop();
      await rm(folder, { recursive: true, force: true });
    });

    async function customers(app: TestApp, { apiKey }: Pick<TestTenant, 'apiKey'>): Promise<unknown> {
      return (await app.call('/api/v1/customers', { apiKey })).body.items;
    }

    it.each(ISOLATIONS)(
      'is imported by PostgreSQL 18, and the other way round, with isolation %s',
      async (isolation) => {
        const tenant = await former.provision(`from-${isolation}`, isolation);
        const body = { name: 'Zoë 😀\\N', email: 'zoe@example.com' };
        await former.call('/api/v1/customers', { method: 'POST', apiKey: tenant.apiKey, body });
        const before = await customers(former, tenant);
        expect(before).toHaveLength(1);
        const [there, back] = [new Cli(current.env), new Cli(former.env)];
        const [first, second] = [join(folder, `${isolation}-1.age`), join(folder, `${isolation}-2.age`)];

        await back.json('tenants', 'export', tenant.slug, '--to', first); // both have the same ENCRYPTION_KEYS
        await there.json('tenants', 'import', first, '--as', tenant.slug);
        expect(await customers(current, { apiKey: (await there.json('keys', 'create', tenant.slug)).token })).toEqual(
          before,
        );
        await there.json('tenants', 'export', tenant.slug, '--to', second);
        await back.json('tenants', 'import', second, '--as', `back-${isolation}`);
        const { token } = await back.json('keys', 'create', `back-${isolation}`);
        expect(await customers(former, { apiKey: token })).toEqual(before);
      },
    );
  });
});
