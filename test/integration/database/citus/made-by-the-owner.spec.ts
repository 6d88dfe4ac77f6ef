import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { inactiveNodes } from '../../../../src/database/citus/inactive-nodes.js';
import { tablesNotServedTo } from '../../../../src/database/citus/citus-obstacles.js';
import { ensureSchemas } from '../../../../src/admin/provisioning/postgres-objects.js';
import {
  ensureKey,
  installedKeys,
  installKey,
  removeOtherKeys,
} from '../../../../src/database/isolation/installed-keys.js';
import { workerProblems } from '../../../../src/database/isolation/worker-problems.js';
import { newStampKey } from '../../../../src/database/isolation/stamp-key.js';
import { createTenantTable } from '../../../../src/database/table-migrations/tenant-table.js';
import { findTableProblems } from '../../../../src/database/table-migrations/verification/table-problems.js';
import { sayCitus } from '../../../support/citus/say-citus.js';
import { asOwner } from '../../../support/orders/orders-fixture.js';
import { createTenantDatabase, type TenantDatabase } from '../../../support/postgres/tenant-database.js';

// What the owner makes in a database with Citus. What Citus does with it needs Citus (docs/citus.md).
describe('in a database with Citus, the owner', () => {
  let database: TenantDatabase;
  let worker: TenantDatabase;
  let client: pg.Client;
  let onWorker: pg.Client;

  beforeAll(async () => {
    database = await createTenantDatabase();
    worker = await createTenantDatabase(); // has the functions, which Citus makes on its workers
    await worker.admin('DROP TABLE tenantry_isolation.keys');
    await sayCitus(database);
    await database.admin(`
      CREATE TABLE public.sent (command text);
      GRANT ALL ON public.sent TO PUBLIC;
      CREATE FUNCTION public.run_command_on_workers(command text, parallel boolean DEFAULT true)
        RETURNS TABLE (nodename text, nodeport int, success boolean, result text) LANGUAGE plpgsql AS $$
        BEGIN
          INSERT INTO public.sent VALUES (command);
          IF current_setting('test.digest', true) <> '' THEN
            RETURN QUERY SELECT 'worker', 5432, true, CASE WHEN command LIKE '%to_reg%' THEN '' ELSE current_setting('test.digest') END;
            RETURN;
          END IF;
          RETURN QUERY SELECT 'worker', 5432, current_setting('test.answer', true) IS DISTINCT FROM 'failed',
            E'ERROR: disk full\\nDETAIL: Key (inner_block) = (secret)';
        END $$;
      CREATE TABLE public.made (schema text, distributed text);
      CREATE FUNCTION public.note() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
          INSERT INTO public.made SELECT object_identity, current_setting('citus.enable_schema_based_sharding', true)
          FROM pg_event_trigger_ddl_commands();
        END $$;
      CREATE EVENT TRIGGER note ON ddl_command_end WHEN TAG IN ('CREATE SCHEMA') EXECUTE FUNCTION public.note()`);
    client = new pg.Client(database.url);
    onWorker = new pg.Client(worker.url);
    await Promise.all([client.connect(), onWorker.connect()]);
  });

  beforeEach(() => database.admin('TRUNCATE public.sent'));

  afterAll(async () => {
    await Promise.all([client.end(), onWorker.end()]);
    await Promise.all([database.drop(), worker.drop()]);
  });

  /** Runs on the worker what was sent to it. */
  const carryOut = async (): Promise<void> => {
    for (const { command } of await database.admin<{ command: string }>('SELECT command FROM sent')) {
      await onWorker.query(command);
    }
  };

  it('gives the workers each key, and takes the former ones away', async () => {
    const first = await ensureKey(client);
    const second = newStampKey();
    await installKey(client, second);
    await carryOut();
    expect(await installedKeys(onWorker)).toEqual([first, second]);
    await removeOtherKeys(client, second);
    await carryOut();
    expect(await installedKeys(onWorker)).toEqual([second]);
    expect(await installedKeys(client)).toEqual([second]);
  });

  it('learns which workers a key did not reach, and nothing of the key', async () => {
    await client.query(`SET test.answer = 'failed'`);
    const refused = installKey(client, newStampKey());
    await expect(refused).rejects.toMatchObject({
      code: 'CITUS_WORKER_FAILED',
      message: 'a command of the owner failed on 1 workers of Citus (worker:5432): ERROR: disk full',
    });
    await client.query('RESET test.answer');
  });

  it('distributes schemas of one tenant, and not the one of row tenants', async () => {
    await ensureSchemas(client, ['t_first', 't_second']);
    await ensureSchemas(client, ['shared']);
    await ensureSchemas(client, ['t_first']);
    expect(await database.admin('SELECT * FROM made ORDER BY schema')).toEqual([
      { schema: 'shared', distributed: 'off' },
      { schema: 't_first', distributed: 'on' },
      { schema: 't_second', distributed: 'on' },
    ]);
  });

  it('learns what a worker lacks', async () => {
    await client.query(`SET test.answer = 'failed'`);
    expect(await workerProblems(client, database.role)).toEqual([
      { worker: 'worker:5432', problem: 'cannot be asked: ERROR: disk full' },
    ]);
    await client.query(`SET test.digest = 'others'`);
    expect(await workerProblems(client, database.role)).toEqual([
      { worker: 'worker:5432', problem: 'has other keys of stamps' },
    ]);
    const [asked] = await database.admin<{ command: string }>(`SELECT command FROM sent WHERE command LIKE '%to_reg%'`);
    const lacks = async (): Promise<unknown> => Object.values((await onWorker.query(asked!.command)).rows[0] as object);
    expect(await lacks()).toEqual(['']);
    await worker.admin('ALTER FUNCTION tenantry_isolation.may_read() RENAME TO gone');
    expect(await lacks()).toEqual(['has no functions for signed stamps']);
    await worker.admin('ALTER FUNCTION tenantry_isolation.gone() RENAME TO may_read');
    const [digests] = await database.admin<{ command: string }>(
      `SELECT command FROM sent WHERE command LIKE '%string_agg%'`,
    );
    const own = (await client.query(digests!.command)).rows[0] as { coalesce: string };
    await client.query(`SELECT set_config('test.digest', $1, false)`, [own.coalesce]);
    expect(await workerProblems(client, database.role)).toEqual([]);
    await client.query('RESET test.answer; RESET test.digest');
  });

  it('learns which nodes take no part', async () => {
    expect(await inactiveNodes(client)).toEqual([]);
    await database.admin(`CREATE TABLE public.pg_dist_node (nodename text, nodeport int, noderole text, isactive bool,
        hasmetadata bool, metadatasynced bool);
      INSERT INTO pg_dist_node VALUES ('a', 1, 'primary', true, true, true), ('b', 2, 'primary', false, true, true),
        ('c', 3, 'primary', true, true, false), ('d', 4, 'secondary', false, false, false);
      GRANT SELECT ON pg_dist_node TO PUBLIC`);
    expect(await inactiveNodes(client)).toEqual(['b:2', 'c:3']);
  });

  it('learns which tables are not served to the login role', async () => {
    await database.define('t_second', 'CREATE TABLE spread (tenant_id uuid)');
    await database.admin(`INSERT INTO pg_dist_partition VALUES ('t_second.spread', 'h')`);
    expect(await tablesNotServedTo(client, database.role)).toEqual([
      expect.stringMatching(/^may use the table t_second\.spread/),
    ]);
    await database.admin('DELETE FROM pg_dist_partition');
    expect(await tablesNotServedTo(client, database.role)).toEqual([]);
  });

  it('makes policies without a subquery, and the check of tables accepts them', async () => {
    await asOwner(
      database,
      (runner) => createTenantTable(runner, 'notes', { columns: { id: 'uuid', body: 'text' } }),
      't_first',
    );
    const policies = await database.admin<{ condition: string }>(
      `SELECT DISTINCT coalesce(qual, with_check) AS condition FROM pg_policies WHERE schemaname = 't_first' ORDER BY 1`,
    );
    expect(policies.map(({ condition }) => condition)).toEqual([
      '(tenant_id = tenantry_isolation.may_read())',
      '(tenant_id = tenantry_isolation.may_write())',
    ]);
    expect(await findTableProblems(client, ['t_first'], { hasTables: true })).toEqual([]);
    await database.admin('ALTER POLICY tenant_select ON t_first.notes USING (true)');
    expect(await findTableProblems(client, ['t_first'], { hasTables: true })).toMatchObject([
      { problem: 'has a different condition in its policy tenant_select' },
    ]);
  });
});
