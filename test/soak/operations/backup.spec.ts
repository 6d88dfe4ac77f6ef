import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { ISOLATIONS } from '../../../src/catalog/model/tenant.js';
import { Cli } from '../../support/cli/cli.js';
import { describeIf } from '../../support/describe-if.js';
import { debianPrograms, hasDebianPostgres } from '../../support/postgres/debian-postgres.js';
import { DebianServer } from '../../support/postgres/debian-server.js';
import type { TestDatabase, TestServer } from '../../support/postgres/postgres.js';
import { TestApp } from '../../support/test-app.js';

const GUIDE = new URL('../../../docs/guides/backups.md', import.meta.url);
const CATALOG = 'app_catalog';

function catalogOn(server: TestServer): TestDatabase {
  const { host, port, owner, ownerPassword, superuser: user, superuserPassword: password } = server;
  return {
    name: CATALOG,
    url: `postgres://${owner}:${encodeURIComponent(ownerPassword)}@${host}:${port}/${CATALOG}`,
    admin: async (text, values) => {
      const client = new pg.Client({ host, port, user, password, database: CATALOG });
      await client.connect();
      try {
        return (await client.query(text, values)).rows;
      } finally {
        await client.end();
      }
    },
    drop: () => Promise.resolve(), // with its server
  };
}

describe.each(['tenantry', 'control'])('a backup by the guide, with the catalog in the schema %s', (schema) => {
  describeIf(hasDebianPostgres(15), "Debian's postgresql-15", 'by PostgreSQL 15', () => {
    let folder: string;
    let blocks: readonly string[];
    const servers: DebianServer[] = [];

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'tenantry-backup-'));
      blocks = [...(await readFile(GUIDE, 'utf8')).matchAll(/```sh\n(.*?)```/gs)].map(([, script = '']) => script);
      servers.push(await DebianServer.start(15), await DebianServer.start(15));
    });

    afterAll(async () => {
      for (const server of servers) await server.stop();
      await rm(folder, { recursive: true, force: true });
    });

    function run(script: string | undefined, { host, port, superuser, superuserPassword, owner }: TestServer): void {
      execFileSync('/bin/sh', ['-e', '-c', script ?? 'exit 1'], {
        cwd: folder,
        stdio: 'pipe',
        env: {
          ...{ PATH: `${debianPrograms(15)}:/usr/bin:/bin`, PGHOST: host, PGPORT: String(port), PGUSER: superuser },
          ...{ PGPASSWORD: superuserPassword, OWNER: owner, CATALOG, CATALOG_SCHEMA: schema },
        },
      });
    }

    it('is served by another server: every tenant with its key and its rows', async () => {
      const [{ server: first }, { server: second }] = servers as [DebianServer, DebianServer];
      run('createdb --owner="$OWNER" "$CATALOG"', first);
      const env: Record<string, string> = schema === 'tenantry' ? {} : { CATALOG_SCHEMA: schema };
      const before = await TestApp.over(catalogOn(first), env);
      const tenants = [];
      for (const isolation of ISOLATIONS) tenants.push(await before.provision(`kept-${isolation}`, isolation));
      for (const { slug, apiKey } of tenants) {
        const body = { name: slug, email: `${slug}@example.com` };
        expect((await before.call('/api/v1/customers', { method: 'POST', apiKey, body })).status).toBe(201);
      }
      await before.stop();
      const [make, restore] = blocks;
      run(make, first);
      run(restore, second);

      const after = await TestApp.over(catalogOn(second), env);
      for (const { slug, apiKey } of tenants) {
        const { body } = await after.call('/api/v1/customers', { apiKey });
        expect(body.items).toMatchObject([{ name: slug }]);
      }
      expect(await after.database.admin(`SELECT DISTINCT version FROM ${schema}.tenants`)).not.toEqual([]);
      await after.database.admin(`UPDATE ${schema}.tenants SET status = 'suspended' WHERE slug = 'kept-row'`);
      const { findings } = (await new Cli(after.env).run('doctor', '--json')).json as {
        findings: { verdict: string }[];
      };
      expect(findings.filter(({ verdict }) => verdict === 'fail')).toEqual([]);
      await after.provision('later', 'database');
      await after.stop();
    });
  });
});
