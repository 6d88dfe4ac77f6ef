import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { TestPool } from '../../../support/pool/test-pool.js';
import { sayCitus } from '../../../support/citus/say-citus.js';
import type { TenantDatabase } from '../../../support/postgres/tenant-database.js';
import { createNotesDatabase } from '../../../support/statements/notes-database.js';

describe('a target in a database with Citus', () => {
  let database: TenantDatabase;

  beforeAll(async () => {
    database = await createNotesDatabase('t_one');
    await sayCitus(database);
  });

  afterEach(() =>
    database.admin(`ALTER DATABASE ${database.name} RESET ALL; DELETE FROM pg_dist_partition;
      DROP FUNCTION IF EXISTS run_command_on_workers; DROP POLICY IF EXISTS hide ON t_one.notes`),
  );

  afterAll(() => database.drop());

  const open = async (isShared: boolean): Promise<unknown> => {
    const pool = new TestPool({ ...database.target, shared: isShared });
    try {
      (await pool.acquire()).release();
      return 'open';
    } catch (error) {
      return error instanceof Error ? error.message : error;
    } finally {
      await pool.end();
    }
  };
  const hideTexts = (): Promise<unknown> =>
    database.admin(`ALTER DATABASE ${database.name} SET track_activities = off`);
  const workersSay = (setting: string): Promise<unknown> =>
    database.admin(`CREATE FUNCTION public.run_command_on_workers(text, boolean DEFAULT true)
      RETURNS TABLE (nodename text, nodeport int, success boolean, result text)
      LANGUAGE sql AS 'SELECT ''worker'', 5432, true, ''${setting}'''`);

  it('is opened for one tenant', async () => {
    expect(await open(false)).toBe('open');
  });

  it('is refused to tenants that share a login role where texts of statements are visible', async () => {
    expect(await open(true)).toMatch(/is shared by tenants.+ track_activities is not off$/);
  });

  it('is opened for them where texts are hidden, on the workers too', async () => {
    await hideTexts();
    expect(await open(true)).toBe('open');
    await workersSay('hidden');
    expect(await open(true)).toBe('open');
  });

  it('is refused to them where a worker shows texts', async () => {
    await hideTexts();
    await workersSay('track_activities is not off');
    expect(await open(true)).toMatch(/: track_activities is not off on worker:5432$/);
  });

  it('is refused to them where texts of commands are kept', async () => {
    await hideTexts();
    await database.admin(`
      INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
      VALUES (99998, 'pg_stat_statements', 10, 'pg_catalog'::regnamespace, false, '1.11')`);
    expect(await open(true)).toBe('open'); // the library is not loaded
    await database.admin(`ALTER DATABASE ${database.name} SET pg_stat_statements.track_utility = on`);
    expect(await open(true)).toMatch(/pg_stat_statements\.track_utility is on$/);
  });

  it('is refused where the role may use a table that is distributed by a column', async () => {
    await database.admin(`INSERT INTO pg_dist_partition VALUES ('t_one.notes', 'h')`);
    expect(await open(false)).toMatch(/may use the table t_one\.notes, whose rows Citus distributes by a column/);
  });

  it('is refused where a table of a distributed schema has a restrictive policy', async () => {
    await database.admin(`INSERT INTO pg_dist_partition VALUES ('t_one.notes', 'n')`);
    expect(await open(false)).toBe('open');
    await database.admin(`CREATE POLICY hide ON t_one.notes AS RESTRICTIVE USING (body <> 'hidden')`);
    expect(await open(false)).toMatch(/is shown rows of other tenants by the policy hide on t_one\.notes/);
  });
});
