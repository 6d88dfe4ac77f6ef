import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { copyObstacles } from '../../../../src/database/copy/tables/copy-obstacles.js';
import type { CopyPlace } from '../../../../src/database/copy/copy-place.js';
import { copyRows } from '../../../../src/database/copy/copy-rows.js';
import { disableTriggers, enableTriggers, userTriggers } from '../../../../src/database/copy/tables/user-triggers.js';
import { CopyRig, run, texts } from '../../../support/copy/copy-rig.js';

const MOVED = randomUUID();
const OTHER = randomUUID();
const ID = 'tenant_id uuid NOT NULL, id int, PRIMARY KEY (tenant_id, id)';

let rig: CopyRig;
let number = 0;

beforeAll(async () => {
  rig = await CopyRig.start('');
});

afterAll(() => rig.stop());

async function obstacles(ddl: string, toDdl = ddl, isToAlone = true): Promise<readonly string[]> {
  const { from, to } = await places(ddl, toDdl, isToAlone);
  return copyObstacles(from, to, MOVED);
}

async function places(ddl: string, toDdl = ddl, isToAlone = true): Promise<{ from: CopyPlace; to: CopyPlace }> {
  number += 1;
  const from = await rig.place(`from_${number}`, { ddl });
  return { from, to: await rig.place(`to_${number}`, { ddl: toDdl, isAlone: isToAlone, database: 'second' }) };
}

describe('what is in the way of a copy', () => {
  it('is nothing where the tables are the same, in whatever order their columns are', async () => {
    const own = "CREATE TYPE mood AS ENUM ('a'); CREATE EXTENSION IF NOT EXISTS citext SCHEMA public;";
    const from = `${own} CREATE TABLE a (${ID}, mood mood, text public.citext, amount numeric(10, 2), dropped int); ALTER TABLE a DROP dropped`;
    const to = `${own} CREATE TABLE a (amount numeric(10, 2), mood mood, ${ID}, text public.citext)`;
    expect(await obstacles(from, to)).toEqual([]);
  });

  it('is a table or column that is missing, of another type, generated or under another key', async () => {
    const from = `CREATE TABLE a (${ID}, here int, n numeric(10, 2), g int); CREATE TABLE only_here (${ID}); CREATE TABLE keyed (${ID}, x int NOT NULL)`;
    const to = `CREATE TABLE a (${ID}, there int, n numeric(10, 3), g int GENERATED ALWAYS AS (id) STORED); CREATE TABLE only_there (${ID});
      CREATE TABLE keyed (tenant_id uuid, id int NOT NULL, x int, PRIMARY KEY (tenant_id, x))`;
    expect([...(await obstacles(from, to))].toSorted()).toEqual(
      [
        'table "only_here" is missing at the destination',
        'table "only_there" is at the destination only',
        'table "keyed" has another key at the destination',
        'column "here" of table "a" differs: integer at the source, missing at the destination',
        'column "n" of table "a" differs: numeric(10,2) at the source, numeric(10,3) at the destination',
        'column "g" of table "a" differs: integer at the source, generated integer at the destination',
        'column "there" of table "a" differs: missing at the source, integer at the destination',
      ].toSorted(),
    );
  });

  it('is a table without a key', async () => {
    const missing = (table: string): string =>
      `table "${table}" has no primary key and no other unique index of columns that are NOT NULL`;
    const ddl = `CREATE TABLE a (tenant_id uuid NOT NULL, id int, UNIQUE (tenant_id, id)); CREATE TABLE b (tenant_id uuid NOT NULL, id int NOT NULL);
      CREATE UNIQUE INDEX ON b (tenant_id, id) WHERE id > 0; CREATE UNIQUE INDEX ON b (tenant_id, abs(id));
      CREATE TABLE c (tenant_id uuid NOT NULL, id int NOT NULL, UNIQUE (tenant_id, id) DEFERRABLE); CREATE TABLE d (tenant_id uuid NOT NULL, id int NOT NULL, UNIQUE (tenant_id, id))`;
    expect([...(await obstacles(ddl))].toSorted()).toEqual(['a', 'b', 'c'].map(missing));
  });

  it('is a column with numbers of objects, within other types too, or an identity that no statement may update', async () => {
    const ddl = `CREATE TYPE pair AS (a int, b regclass); CREATE DOMAIN lo AS oid; CREATE TABLE a (${ID}, x lo, y pair[], z oid[], n bigint GENERATED ALWAYS AS IDENTITY);
      CREATE TABLE b (tenant_id uuid NOT NULL, id int GENERATED ALWAYS AS IDENTITY, PRIMARY KEY (tenant_id, id))`;
    const refers = (column: string, type: string): string =>
      `column "${column}" of table "a" has type ${type}: what it refers to, such as a large object, is not copied`;
    expect(await obstacles(ddl)).toEqual([
      ...[refers('x', 'lo'), refers('y', 'pair[]'), refers('z', 'oid[]')],
      'column "n" of table "a" is GENERATED ALWAYS AS IDENTITY outside the key, and cannot be updated',
    ]);
  });

  it('is a foreign table, or a rule at the destination', async () => {
    for (const { admin } of Object.values(rig.databases)) {
      await admin(
        `CREATE EXTENSION postgres_fdw; CREATE SERVER elsewhere FOREIGN DATA WRAPPER postgres_fdw; GRANT USAGE ON FOREIGN SERVER elsewhere TO PUBLIC`,
      );
    }
    const ddl = `CREATE TABLE a (${ID}); CREATE RULE nothing AS ON INSERT TO a DO ALSO NOTHING; CREATE FOREIGN TABLE f (tenant_id uuid, id int) SERVER elsewhere`;
    expect(await obstacles(ddl)).toEqual([
      'table "f" is a foreign table, whose rows are on another server',
      'table "a" has rules at the destination',
    ]);
  });

  it('is a row without a tenant_id that refers to one of the tenant, but not to one of another tenant', async () => {
    const { from, to } = await places(
      `CREATE TABLE a (${ID}); CREATE TABLE outside (t uuid, a int, FOREIGN KEY (t, a) REFERENCES a)`,
    );
    await run(from, OTHER, 'INSERT INTO a VALUES ($t, 1); INSERT INTO outside VALUES ($t, 1)');
    await run(from, MOVED, 'INSERT INTO a VALUES ($t, 1)');
    expect(await copyObstacles(from, to, MOVED)).toEqual([]);
    await run(from, MOVED, 'INSERT INTO outside VALUES ($t, 1)');
    expect(await copyObstacles(from, to, MOVED)).toEqual([
      `table ${from.schema}.outside has no tenant_id, and refers to rows of the tenant in ${from.schema}.a`,
    ]);
  });

  it('is a trigger of tables that tenants share, unless it is disabled or notes the changes of a move', async () => {
    const ddl = `CREATE TABLE a (${ID}); CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
      CREATE TRIGGER fires BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION f(); CREATE TRIGGER emptied AFTER TRUNCATE ON a EXECUTE FUNCTION f();
      CREATE TRIGGER disabled BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE a DISABLE TRIGGER disabled;
      CREATE TRIGGER tenantry_move_1 AFTER INSERT ON a FOR EACH ROW EXECUTE FUNCTION f()`;
    expect(await obstacles(ddl, ddl, false)).toEqual(['trigger "fires" of table "a" would fire at the destination']);
    expect(await obstacles(ddl)).toEqual([]);
  });
});

describe('triggers where the tenant is alone', () => {
  const DDL = `CREATE TABLE a (${ID}, n int DEFAULT 0); CREATE TABLE days (${ID}) PARTITION BY RANGE (id); CREATE TABLE days_low PARTITION OF days FOR VALUES FROM (0) TO (10);
    CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.n = NEW.n + 1; RETURN NEW; END';
    CREATE TRIGGER "Fires ""x""" BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f(); CREATE TRIGGER tenantry_move_1 BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f();
    CREATE TRIGGER was_disabled BEFORE INSERT ON a FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE a DISABLE TRIGGER was_disabled;
    CREATE TRIGGER was_always BEFORE UPDATE ON a FOR EACH ROW EXECUTE FUNCTION f(); ALTER TABLE a ENABLE ALWAYS TRIGGER was_always;
    CREATE TRIGGER on_all AFTER INSERT ON days FOR EACH ROW EXECUTE FUNCTION f(); CREATE TRIGGER on_one AFTER INSERT ON days_low FOR EACH ROW EXECUTE FUNCTION f()`;

  it('do not fire while rows are copied, and are as at the other place afterwards', async () => {
    const { from, to } = await places(DDL);
    await run(
      from,
      MOVED,
      'INSERT INTO a VALUES ($t, 1); ALTER TABLE a DISABLE TRIGGER USER; UPDATE a SET n = 7; ALTER TABLE a ENABLE TRIGGER "Fires ""x"""; ALTER TABLE a ENABLE ALWAYS TRIGGER was_always',
    );
    await run(to, MOVED, 'ALTER TABLE a DISABLE TRIGGER tenantry_move_1'); // notes, and would count here
    await disableTriggers(to);
    await disableTriggers(to); // as after a crash
    expect(new Set((await userTriggers(to)).map(({ state }) => state))).toEqual(new Set(['D']));
    await copyRows(from, to, MOVED, { signal: new AbortController().signal });
    expect(await texts(to, 'a', MOVED)).toEqual([`(${MOVED},1,7)`]);
    await enableTriggers(to, from);
    const states = async (place: CopyPlace): Promise<unknown> =>
      (await userTriggers(place)).map(({ table, name, state }) => [table, name, state]);
    expect(await states(to)).toEqual(await states(from));
    expect(await states(to)).toEqual([
      ['a', 'Fires "x"', 'O'],
      ['a', 'was_always', 'A'],
      ['a', 'was_disabled', 'D'],
      ['days', 'on_all', 'O'],
      ['days_low', 'on_one', 'O'],
    ]);
  });

  it('cannot be disabled where others are', async () => {
    const { to } = await places(DDL, DDL, false);
    await expect(disableTriggers(to)).rejects.toMatchObject({ code: 'COPY_PLACES' });
  });
});
