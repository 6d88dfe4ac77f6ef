import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { deleteTenantRows } from '../../../../src/admin/deprovisioning/delete-tenant-rows.js';
import { RowsLeftError } from '../../../../src/database/copy/copy.errors.js';
import { createTestDatabase, type TestDatabase } from '../../../support/postgres/postgres.js';
import { soon } from '../../../support/load/soon.js';

const SCHEMA = 'shared';
const GONE = randomUUID();
const OTHER = randomUUID();

let database: TestDatabase;
let owner: pg.Client;

beforeAll(async () => {
  database = await createTestDatabase('removal');
  owner = await connect();
});

afterAll(async () => {
  await owner.end();
  await database.drop();
});

beforeEach(async () => {
  await owner.query(`DROP SCHEMA IF EXISTS ${SCHEMA} CASCADE; CREATE SCHEMA ${SCHEMA}`);
});

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: database.url });
  await client.connect();
  return client;
}

/** With the schema in front. */
async function define(ddl: string): Promise<void> {
  await owner.query(`SET search_path = ${SCHEMA}; ${ddl}; RESET search_path`);
}

/** Runs it for both tenants; `$t` is the tenant's id. */
async function fill(sql: string): Promise<void> {
  for (const tenant of [GONE, OTHER]) await define(sql.replaceAll('$t', `'${tenant}'::uuid`));
}

/** Rows of the removed tenant and of the other one, over the tables. */
async function rows(...tables: string[]): Promise<[number, number]> {
  const all = tables.map((table) => `SELECT tenant_id FROM ${SCHEMA}.${table}`).join(' UNION ALL ');
  const { rows: found } = await owner.query<{ gone: number; other: number }>(
    `SELECT count(*) FILTER (WHERE tenant_id = $1)::int AS gone, count(*) FILTER (WHERE tenant_id = $2)::int AS other
     FROM (${all}) r`,
    [GONE, OTHER],
  );
  return [found[0]?.gone ?? -1, found[0]?.other ?? -1];
}

const ID = 'tenant_id uuid NOT NULL, id int NOT NULL, PRIMARY KEY (tenant_id, id)';

describe("deleting a tenant's rows", () => {
  it('deletes referencing rows before referenced ones, in batches, and leaves every other row', async () => {
    // Named and made so that neither the alphabet nor the order of creation is the right one.
    await define(`CREATE TABLE a_parents (${ID});
      CREATE TABLE "Z children" (${ID}, parent int, FOREIGN KEY (tenant_id, parent) REFERENCES a_parents ON DELETE RESTRICT);
      CREATE TABLE m_grandchildren (${ID}, child int, FOREIGN KEY (tenant_id, child) REFERENCES "Z children");
      CREATE TABLE "quo""ted; DROP" (${ID});
      CREATE TABLE no_tenant (id int)`);
    await fill(`INSERT INTO a_parents SELECT $t, n FROM generate_series(1, 25) n;
      INSERT INTO "Z children" SELECT $t, n, n FROM generate_series(1, 25) n;
      INSERT INTO m_grandchildren SELECT $t, n, n FROM generate_series(1, 25) n;
      INSERT INTO "quo""ted; DROP" SELECT $t, 1; INSERT INTO no_tenant VALUES (1)`);
    const progress: number[] = [];
    const deleted = await deleteTenantRows(owner, SCHEMA, GONE, {
      batchSize: 10,
      onProgress: (total) => progress.push(total),
    });
    expect(deleted).toBe(76);
    expect(await rows('a_parents', '"Z children"', 'm_grandchildren', '"quo""ted; DROP"')).toEqual([0, 76]);
    expect(progress.at(-1)).toBe(76);
    expect(Math.max(...progress.map((total, n) => total - (progress[n - 1] ?? 0)))).toBe(10);
    expect((await owner.query(`SELECT FROM ${SCHEMA}.no_tenant`)).rowCount).toBe(2);
  });

  it.each(['NO ACTION', 'RESTRICT', 'CASCADE'])('empties cycles and self-references (ON DELETE %s)', async (action) => {
    await define(`CREATE TABLE a (${ID}, b int); CREATE TABLE b (${ID}, c int);
      CREATE TABLE c (${ID}, a int, FOREIGN KEY (tenant_id, a) REFERENCES a ON DELETE ${action});
      ALTER TABLE a ADD FOREIGN KEY (tenant_id, b) REFERENCES b ON DELETE ${action};
      ALTER TABLE b ADD FOREIGN KEY (tenant_id, c) REFERENCES c ON DELETE ${action};
      CREATE TABLE tree (${ID}, parent int, a int, FOREIGN KEY (tenant_id, parent) REFERENCES tree ON DELETE ${action},
        FOREIGN KEY (tenant_id, a) REFERENCES a)`);
    await fill(`INSERT INTO a SELECT $t, n FROM generate_series(1, 20) n;
      INSERT INTO c SELECT $t, n, n FROM generate_series(1, 20) n;
      INSERT INTO b SELECT $t, n, n FROM generate_series(1, 20) n; UPDATE a SET b = id;
      INSERT INTO tree SELECT $t, n, nullif(n - 1, 0), n FROM generate_series(1, 20) n`);
    expect(await deleteTenantRows(owner, SCHEMA, GONE, { batchSize: 3 })).toBe(80);
    expect(await rows('a', 'b', 'c', 'tree')).toEqual([0, 80]);
  });

  it('empties partitioned tables, including those referenced through a partition', async () => {
    await define(`CREATE TABLE days (${ID}, parent int) PARTITION BY RANGE (id);
      CREATE TABLE days_low PARTITION OF days FOR VALUES FROM (0) TO (10) PARTITION BY LIST (id);
      CREATE TABLE days_low_rest PARTITION OF days_low DEFAULT;
      CREATE TABLE days_high PARTITION OF days FOR VALUES FROM (10) TO (100);
      CREATE TABLE a_events (${ID}, day int, high int, FOREIGN KEY (tenant_id, day) REFERENCES days,
        FOREIGN KEY (tenant_id, high) REFERENCES days_high ON DELETE RESTRICT);
      CREATE TABLE looping (${ID}, parent int) PARTITION BY HASH (id);
      CREATE TABLE looping_0 PARTITION OF looping FOR VALUES WITH (MODULUS 2, REMAINDER 0);
      CREATE TABLE looping_1 PARTITION OF looping FOR VALUES WITH (MODULUS 2, REMAINDER 1);
      ALTER TABLE looping ADD FOREIGN KEY (tenant_id, parent) REFERENCES looping ON DELETE RESTRICT`);
    await fill(`INSERT INTO days SELECT $t, n FROM generate_series(1, 30) n;
      INSERT INTO a_events SELECT $t, n, n, CASE WHEN n > 9 THEN n END FROM generate_series(1, 30) n;
      INSERT INTO looping SELECT $t, n, nullif(n - 1, 0) FROM generate_series(1, 30) n`);
    expect(await deleteTenantRows(owner, SCHEMA, GONE, { batchSize: 4 })).toBe(90);
    expect(await rows('days', 'a_events', 'looping')).toEqual([0, 90]);
  });

  it('empties tables that inherit from each other, each with its own keys', async () => {
    await define(`CREATE TABLE animals (${ID}); CREATE TABLE cats (PRIMARY KEY (tenant_id, id)) INHERITS (animals);
      CREATE TABLE toys (${ID}, cat int, FOREIGN KEY (tenant_id, cat) REFERENCES cats)`);
    await fill(`INSERT INTO animals SELECT $t, 1; INSERT INTO cats SELECT $t, 2; INSERT INTO toys SELECT $t, 3, 2`);
    expect(await deleteTenantRows(owner, SCHEMA, GONE)).toBe(3);
    expect(await rows('animals', 'toys')).toEqual([0, 3]);
  });

  it('deletes rows that triggers write, as the tenant, about the deleted rows', async () => {
    await define(`CREATE TABLE audit (tenant_id uuid NOT NULL DEFAULT nullif(current_setting('app.tenant_id'), '')::uuid, n int);
      CREATE TABLE orders (${ID});
      CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $f$
        BEGIN INSERT INTO audit (n) VALUES (OLD.id); RETURN OLD; END $f$;
      CREATE TRIGGER note AFTER DELETE ON orders FOR EACH ROW EXECUTE FUNCTION note()`);
    await fill('INSERT INTO orders SELECT $t, n FROM generate_series(1, 5) n; INSERT INTO audit VALUES ($t, 0)');
    expect(await deleteTenantRows(owner, SCHEMA, GONE)).toBe(11);
    expect(await rows('orders', 'audit')).toEqual([0, 6]);
  });

  it.each([
    ['keeps the rows', 'RETURN NULL;'],
    ['puts them back', 'INSERT INTO orders VALUES (OLD.tenant_id, OLD.id + 100); RETURN OLD;'],
  ])('ends with an error when a trigger %s', async (_what, body) => {
    await define(`CREATE TABLE orders (${ID});
      CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN ${body} END $f$;
      CREATE TRIGGER keep BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION keep()`);
    await fill('INSERT INTO orders SELECT $t, n FROM generate_series(1, 5) n');
    const removal = deleteTenantRows(owner, SCHEMA, GONE, { batchSize: 2 });
    await expect(removal).rejects.toMatchObject({ code: 'ROWS_LEFT', tables: ['shared.orders'], rows: 5 });
    await removal.catch((error: RowsLeftError) => expect(error.message).not.toContain(GONE));
  });

  it('ends with an error when rows keep being inserted', async () => {
    // What is deleted from one comes back in the other.
    await define(`CREATE TABLE orders (${ID}); CREATE TABLE zz_last (${ID});
      CREATE FUNCTION into_last() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO zz_last SELECT OLD.*; RETURN NULL; END';
      CREATE FUNCTION into_orders() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN INSERT INTO orders SELECT OLD.*; RETURN NULL; END';
      CREATE TRIGGER back AFTER DELETE ON orders FOR EACH ROW EXECUTE FUNCTION into_last();
      CREATE TRIGGER back AFTER DELETE ON zz_last FOR EACH ROW EXECUTE FUNCTION into_orders()`);
    await fill('INSERT INTO orders SELECT $t, 0');
    await expect(deleteTenantRows(owner, SCHEMA, GONE)).rejects.toBeInstanceOf(RowsLeftError);
    await define('DROP TRIGGER back ON orders; DROP TRIGGER back ON zz_last');
    expect(await deleteTenantRows(owner, SCHEMA, GONE)).toBeGreaterThan(0);
    expect(await rows('orders', 'zz_last')).toEqual([0, 1]);
  });

  it('works behind row-level security and never mistakes hidden rows for none', async () => {
    await define(`CREATE TABLE notes (${ID}); ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
      CREATE POLICY mine ON notes USING (tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid)`);
    await fill('INSERT INTO notes SELECT $t, 1');
    await define(
      'ALTER TABLE notes FORCE ROW LEVEL SECURITY; CREATE POLICY none ON notes AS RESTRICTIVE USING (false)',
    );
    await expect(deleteTenantRows(owner, SCHEMA, GONE)).rejects.toMatchObject({ code: '42501' });
    await define('ALTER TABLE notes NO FORCE ROW LEVEL SECURITY');
    expect(await deleteTenantRows(owner, SCHEMA, GONE)).toBe(1);
    expect(await rows('notes')).toEqual([0, 1]);
  });

  it('can be interrupted anywhere, by its signal or a lost connection, and run again', async () => {
    await define(`CREATE TABLE a (${ID}); CREATE TABLE b (${ID}, a int, FOREIGN KEY (tenant_id, a) REFERENCES a)`);
    await fill(`INSERT INTO a SELECT $t, n FROM generate_series(1, 50) n;
      INSERT INTO b SELECT $t, n, n FROM generate_series(1, 50) n`);
    const stop = new AbortController();
    const onProgress = (deleted: number): void => void (deleted >= 20 && stop.abort(new Error('stopped')));
    await expect(
      deleteTenantRows(owner, SCHEMA, GONE, { batchSize: 10, signal: stop.signal, onProgress }),
    ).rejects.toThrow('stopped');
    expect(await rows('a', 'b')).toEqual([80, 100]);

    const blocker = await connect();
    await blocker.query(`BEGIN; SELECT FROM ${SCHEMA}.a WHERE tenant_id = '${GONE}' AND id = 15 FOR UPDATE`);
    const doomed = await connect();
    doomed.on('error', () => undefined); // the pending query rejects with the same error
    const killed = deleteTenantRows(doomed, SCHEMA, GONE, { batchSize: 10 });
    const waiting = `SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()`;
    await Promise.all([
      expect(killed).rejects.toThrow('terminating connection'),
      soon(async () =>
        expect(await database.admin(`SELECT pg_terminate_backend(pid) FROM (${waiting}) w`)).toHaveLength(1),
      ),
    ]);
    await blocker.end();
    const [left] = await rows('a', 'b');
    expect(left).toBe(40);
    expect(await deleteTenantRows(owner, SCHEMA, GONE, { batchSize: 10 })).toBe(left);
    expect(await deleteTenantRows(owner, SCHEMA, GONE)).toBe(0);
    expect(await rows('a', 'b')).toEqual([0, 100]);
  });

  it('finds nothing to do when the schema no longer exists', async () => {
    expect(await deleteTenantRows(owner, 't_gone_01234567', GONE)).toBe(0);
  });

  it.each(['public', 'pg_catalog', 'information_schema', '', 'SHARED', 't_', `t_x"; DROP SCHEMA shared; --_01234567`])(
    'refuses the schema "%s"',
    async (schema) => {
      await expect(deleteTenantRows(owner, schema, GONE)).rejects.toMatchObject({ code: 'REMOVAL_REFUSED' });
    },
  );

  it.each(['', '%', "' OR true --", `${GONE}' OR '1'='1`, GONE.slice(1)])('refuses the tenant "%s"', async (tenant) => {
    const removal = deleteTenantRows(owner, SCHEMA, tenant);
    await expect(removal).rejects.toMatchObject({ code: 'REMOVAL_REFUSED', message: expect.not.stringContaining("'") });
  });
});
