import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { HostFolder } from '../../support/package/host-folder.js';
import { createTestDatabase, type TestDatabase } from '../../support/postgres/postgres.js';
import { ADMIN_KEY, dropEverything } from '../../support/test-app.js';

/** Variables of the host that are no values of ours, or mean something else. */
const OF_THE_HOST = { LOG_LEVEL: 'verbose', PORT: 'unix:/run/host.sock', HOST: 'the host', ENABLE_API_DOCS: 'maybe' };

const APP_MODULE = `
  import { Controller, Module } from '@nestjs/common';
  import { createTenantTable, TenantryModule } from 'tenantry';
  class CreateNotes1764100000000 {
    async up(runner) {
      await createTenantTable(runner, 'notes', { columns: { id: 'uuid NOT NULL DEFAULT gen_random_uuid()', text: 'text' } });
    }
    async down() {}
  }
  class Never { constructor() { throw new Error('made'); } }
  export class AppModule {}
  Module({
    imports: [TenantryModule.forRoot({ health: true }), TenantryModule.forFeature({ migrations: [CreateNotes1764100000000] })],
    providers: [Never],
  })(AppModule);`;

describe('npx tenantry in a host application', () => {
  let host: HostFolder;
  let database: TestDatabase;

  beforeAll(async () => {
    database = await createTestDatabase('catalog');
    await database.admin(`REVOKE CONNECT ON DATABASE ${database.name} FROM PUBLIC`);
    const keys = `ENCRYPTION_KEYS=test:${randomBytes(32).toString('base64')}`;
    host = await HostFolder.create({
      'package.json': JSON.stringify({ type: 'module', tenantry: { module: './app.module.js' } }),
      'app.module.js': APP_MODULE,
      '.env': `NODE_ENV=staging\nDATABASE_URL=${database.url}\nADMIN_API_KEY=${ADMIN_KEY}\n${keys}\nENABLE_REDIS_CACHE=no\n`,
    });
  });

  afterAll(async () => {
    await dropEverything(database);
    await host.remove();
  });

  it('provisions, whatever the host’s own variables are, and makes nothing of the host', async () => {
    const { code, stdout, stderr } = await host.tenantry(
      '.',
      ['tenants', 'create', 'acme', '--isolation', 'schema', '--json'],
      OF_THE_HOST,
    );
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stdout)).toMatchObject({ tenant: { slug: 'acme', schemaVersion: 'CreateNotes1764100000000' } });
  });

  it('examines an installation without Redis and without the packages of probes and metrics', async () => {
    const { code, stdout } = await host.tenantry('.', ['doctor', '--json'], { NODE_ENV: 'test' });
    const { findings } = JSON.parse(stdout) as { findings: { verdict: string }[] };
    expect({ code, found: findings.filter(({ verdict }) => verdict !== 'ok') }).toEqual({ code: 0, found: [] });
  });

  it.each([[['--help']], [['servers', '--help']]])('shows examples as they are typed there: %j', async (args) => {
    const { stdout } = await host.tenantry('.', args);
    expect(stdout).toMatch(/\$ npx tenantry servers|\$ npx tenantry tenants/);
    expect(stdout).not.toContain('npm run');
  });
});
