import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ISOLATIONS } from '../../../src/catalog/model/tenant.js';
import { Cli } from '../../support/cli/cli.js';
import { describeIf } from '../../support/describe-if.js';
import { catalogOn, runBackupScript, scriptsOf } from '../../support/postgres/debian-catalog.js';
import { hasDebianPostgres } from '../../support/postgres/debian-postgres.js';
import { OlderServer } from '../../support/postgres/older-server.js';
import type { TestServer } from '../../support/postgres/postgres.js';
import { TestApp } from '../../support/test-app.js';

const GUIDE = new URL('../../../docs/guides/backups.md', import.meta.url);

describe.each(['tenantry', 'control'])('a backup by the guide, with the catalog in the schema %s', (schema) => {
  describeIf(hasDebianPostgres(15), "Debian's postgresql-15", 'by PostgreSQL 15', () => {
    let folder: string;
    let blocks: readonly string[];
    const servers: OlderServer[] = [];

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'tenantry-backup-'));
      blocks = scriptsOf(await readFile(GUIDE, 'utf8'));
      expect(blocks).toHaveLength(3); // the third is run by test/soak/faults/restored-catalog.spec.ts
      servers.push(await OlderServer.start(15), await OlderServer.start(15));
    });

    afterAll(async () => {
      for (const server of servers) await server.stop();
      await rm(folder, { recursive: true, force: true });
    });

    const run = (script: string | undefined, server: TestServer): void =>
      runBackupScript(script, server, { folder, schema });

    it('is served by another server: every tenant with its key and its rows', async () => {
      const [{ server: first }, { server: second }] = servers as [OlderServer, OlderServer];
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
