import { randomInt } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { applyChanges } from '../../../../src/database/copy/apply-changes.js';
import type { CopyPlace } from '../../../../src/database/copy/copy-place.js';
import { afterStatement } from '../../../support/copy/after-statement.js';
import { CopyRig, isUsable, run, texts } from '../../../support/copy/copy-rig.js';
import { noteChanges, notedChanges } from '../../../support/copy/noted-changes.js';
import { MOVED, NotedMove, OTHER } from '../../../support/copy/noted-move.js';
import { expectSameAfterChanges } from '../../../support/copy/random-changes.js';
import { SHOP } from '../../../support/copy/shop-tables.js';

const signal = new AbortController().signal;
const SEED = Number(process.env['COPY_SEED'] ?? randomInt(2 ** 31));

let rig: CopyRig;

beforeAll(async () => {
  rig = await CopyRig.start(SHOP);
});

afterAll(() => rig.stop());

const copied = (rows: string, ddl = SHOP): Promise<NotedMove> => NotedMove.start(rig, rows, { ddl });

describe('applying the changes of one tenant', () => {
  it('inserts, updates and deletes, counts the changed rows, and leaves notes and rows of others', async () => {
    const move = await copied(`INSERT INTO products VALUES ($t, 'a', 'A'), ($t, 'b', 'B'), ($t, 'c', 'C')`);
    const { from, to } = move;
    expect(await move.apply()).toBe(0);
    await noteChanges(from, OTHER);
    await run(from, OTHER, `INSERT INTO products VALUES ($t, 'a', 'other')`);
    await run(to, OTHER, `INSERT INTO products VALUES ($t, 'a', 'there')`);
    await run(
      from,
      MOVED,
      `INSERT INTO products VALUES ($t, 'd', 'D'), ($t, 'e', 'E'); DELETE FROM products WHERE sku = 'e' AND tenant_id = $t;
      UPDATE products SET name = 'changed' WHERE sku = 'a' AND tenant_id = $t; DELETE FROM products WHERE sku = 'b' AND tenant_id = $t`,
    );
    expect(await move.apply()).toBe(4);
    await move.expectEqual();
    expect(await notedChanges(from, MOVED)).toBe(0);
    expect(await notedChanges(from, OTHER)).toBe(1);
    expect(await texts(to, 'products', OTHER)).toEqual([`(${OTHER},a,there)`]);
    for (const { client } of [from, to]) expect(await isUsable(client)).toBe(true);
  });

  it('keeps what a row of its own has below it when that row leaves another one that is deleted', async () => {
    const move =
      await copied(`INSERT INTO customers VALUES ($t, 1, 'a'), ($t, 2, 'b'); INSERT INTO products VALUES ($t, 'a', 'A');
      INSERT INTO orders VALUES ($t, 1, 1, 1); INSERT INTO lines VALUES ($t, 1, 1, 'a'), ($t, 1, 2, 'a');
      INSERT INTO events (tenant_id, day, id, "order") VALUES ($t, 1, 1, 1)`);
    await run(
      move.from,
      MOVED,
      `UPDATE orders SET customer = 2 WHERE tenant_id = $t; DELETE FROM customers WHERE tenant_id = $t AND id = 1`,
    );
    expect(await move.apply()).toBe(2);
    await move.expectEqual();
    expect(await texts(move.to, 'lines', MOVED)).toHaveLength(2);
  });

  it('deletes rows that refer to one another, and cycles', async () => {
    const move =
      await copied(`INSERT INTO teams VALUES ($t, 1), ($t, 2); INSERT INTO members VALUES ($t, 1, 1), ($t, 2, 2);
      UPDATE teams SET lead = 3 - id WHERE tenant_id = $t; INSERT INTO customers SELECT $t, n, n, nullif(n - 1, 0) FROM generate_series(1, 30) n`);
    await run(move.from, MOVED, `DELETE FROM teams WHERE tenant_id = $t; DELETE FROM customers WHERE tenant_id = $t`);
    await move.apply();
    await move.expectEqual();
    await run(
      move.from,
      MOVED,
      `INSERT INTO teams VALUES ($t, 1); INSERT INTO members VALUES ($t, 5, 1); UPDATE teams SET lead = 5 WHERE tenant_id = $t`,
    );
    await move.apply();
    await move.expectEqual();
  });

  it('gives unique values of deleted and changed rows to others', async () => {
    const move = await copied(
      `INSERT INTO customers VALUES ($t, 1, 'a'), ($t, 2, 'b'), ($t, 9, 'c'); INSERT INTO products VALUES ($t, 'a', 'A'), ($t, 'b', 'B')`,
    );
    // To a new row from a deleted one, in a chain along existing ones, and from one to the other and back.
    await run(
      move.from,
      MOVED,
      `DELETE FROM customers WHERE tenant_id = $t AND id = 9; UPDATE customers SET email = 'c' WHERE tenant_id = $t AND id = 2;
      UPDATE customers SET email = 'b' WHERE tenant_id = $t AND id = 1; INSERT INTO customers VALUES ($t, 0, 'a');
      UPDATE products SET name = 'between' WHERE tenant_id = $t AND sku = 'a'; UPDATE products SET name = 'A' WHERE tenant_id = $t AND sku = 'b';
      UPDATE products SET name = 'B' WHERE tenant_id = $t AND sku = 'a'`,
    );
    await move.apply();
    await move.expectEqual();
  });

  it('exchanges unique values of rows that others refer to, which stay', async () => {
    const move =
      await copied(`INSERT INTO customers VALUES ($t, 1, 'a', NULL), ($t, 2, 'b', 1), ($t, 3, 'c', 2); INSERT INTO products VALUES ($t, 'a', 'A');
      INSERT INTO orders VALUES ($t, 1, 1, 1), ($t, 2, 2, 2); INSERT INTO lines VALUES ($t, 1, 1, 'a'), ($t, 2, 2, 'a');
      INSERT INTO events (tenant_id, day, id, "order") VALUES ($t, 1, 1, 1)`);
    await run(
      move.from,
      MOVED,
      `UPDATE customers SET email = 'between' WHERE tenant_id = $t AND id = 1; UPDATE customers SET email = 'a' WHERE tenant_id = $t AND id = 2;
      UPDATE customers SET email = 'b' WHERE tenant_id = $t AND id = 1`,
    );
    expect(await move.apply()).toBe(2);
    await move.expectEqual();
    expect(await texts(move.to, 'lines', MOVED)).toHaveLength(2);
  });

  it("refuses values that another tenant's row has, and changes nothing", async () => {
    const ddl = 'CREATE TABLE hosts (tenant_id uuid NOT NULL, id int, name text UNIQUE, PRIMARY KEY (tenant_id, id))';
    const move = await copied(`INSERT INTO hosts VALUES ($t, 1, 'a'), ($t, 2, 'b')`, ddl);
    await run(move.to, OTHER, `INSERT INTO hosts VALUES ($t, 1, 'c')`);
    const before = await move.digests(move.to);
    await run(
      move.from,
      MOVED,
      `UPDATE hosts SET name = 'c' WHERE tenant_id = $t AND id = 1; DELETE FROM hosts WHERE tenant_id = $t AND id = 2`,
    );
    const applied = move.apply();
    await expect(applied).rejects.toMatchObject({ code: 'COPY_REFUSED', table: 'hosts', sqlState: '23505' });
    await applied.catch((error: Error) => expect(error.cause).toBeUndefined());
    expect(await move.digests(move.to)).toEqual(before);
    expect(await notedChanges(move.from, MOVED)).toBe(2);
    for (const { client } of [move.from, move.to]) expect(await isUsable(client)).toBe(true);
  });

  it('notices when a row is not what it is at the source, and changes nothing', async () => {
    const move = await copied(`INSERT INTO products VALUES ($t, 'a', 'A')`);
    await run(
      move.to,
      MOVED,
      `CREATE FUNCTION changed() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN NEW.name = 'changed'; RETURN NEW; END $f$;
      CREATE TRIGGER changed BEFORE UPDATE ON products FOR EACH ROW EXECUTE FUNCTION changed()`,
    );
    await run(
      move.from,
      MOVED,
      `UPDATE products SET name = 'B' WHERE tenant_id = $t; INSERT INTO products VALUES ($t, 'c', 'C')`,
    );
    await expect(move.apply()).rejects.toMatchObject({ code: 'COPY_MISMATCH', table: 'products', rows: 2, copied: 2 });
    expect(await texts(move.to, 'products', MOVED)).toEqual([`(${MOVED},a,A)`]);
    await run(move.to, MOVED, 'DROP TRIGGER changed ON products');
    expect(await move.apply()).toBe(2);
    await move.expectEqual();
  });

  it("leaves another tenant's row with the same key alone", async () => {
    const ddl = 'CREATE TABLE notes (tenant_id uuid NOT NULL, id int PRIMARY KEY, note text)';
    const move = await copied('', ddl);
    await run(move.to, OTHER, `INSERT INTO notes VALUES ($t, 1, 'theirs')`);
    await run(move.from, MOVED, `INSERT INTO notes VALUES ($t, 1, 'ours')`);
    await expect(move.apply()).rejects.toMatchObject({ code: 'COPY_MISMATCH', table: 'notes', rows: 1, copied: 0 });
    expect(await texts(move.to, 'notes', OTHER)).toEqual([`(${OTHER},1,theirs)`]);
  });

  it('applies the same again when the source is lost between the two commits', async () => {
    const move = await copied(`INSERT INTO customers VALUES ($t, 1, 'a', NULL), ($t, 2, 'b', NULL), ($t, 3, 'c', 2)`);
    await run(
      move.from,
      MOVED,
      `DELETE FROM customers WHERE tenant_id = $t AND id = 2; INSERT INTO customers VALUES ($t, 4, 'b', 3); UPDATE customers SET email = 'x' WHERE tenant_id = $t AND id = 1`,
    );
    const noted = await notedChanges(move.from, MOVED);
    const { rows } = await move.from.client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const killing: CopyPlace = {
      ...move.to,
      client: afterStatement(move.to.client, 'COMMIT', () =>
        rig.databases.first.admin(`SELECT pg_terminate_backend(${rows[0]?.pid})`),
      ),
    };
    await expect(applyChanges(move.from, killing, MOVED, signal)).rejects.toThrow(/connection/);
    const from: CopyPlace = { ...move.from, client: await rig.connect() };
    expect(await notedChanges(from, MOVED)).toBe(noted);
    expect(await move.digests(move.to)).toEqual(await move.digests(from));
    expect(await applyChanges(from, move.to, MOVED, signal)).toBe(4);
    expect(await move.digests(move.to)).toEqual(await move.digests(from));
    expect(await notedChanges(from, MOVED)).toBe(0);
  });

  it('ends at its signal, with everything as before', async () => {
    const move = await copied(`INSERT INTO products VALUES ($t, 'a', 'A')`);
    await run(move.from, MOVED, `UPDATE products SET name = 'B' WHERE tenant_id = $t`);
    const blocker = await rig.connect('second');
    await blocker.query(`BEGIN; LOCK TABLE ${move.to.schema}.products IN SHARE MODE`);
    const abort = new AbortController();
    const applied = applyChanges(move.from, move.to, MOVED, abort.signal);
    const reason = new Error('enough');
    setTimeout(() => abort.abort(reason), 100);
    await expect(applied).rejects.toBe(reason);
    await blocker.query('ROLLBACK');
    for (const { client } of [move.from, move.to]) expect(await isUsable(client)).toBe(true);
    expect(await move.apply()).toBe(1);
    await move.expectEqual();
  });

  it('finds changed rows of large tables by their keys', async () => {
    const ddl = `CREATE EXTENSION IF NOT EXISTS citext SCHEMA public; CREATE TABLE large (tenant_id uuid NOT NULL, id public.citext, n int, PRIMARY KEY (tenant_id, id))`;
    const move = await copied(`INSERT INTO large SELECT $t, n, n FROM generate_series(1, 10000) n`, ddl);
    const scans = async ({ client }: CopyPlace): Promise<number> => {
      await client.query('SELECT pg_stat_force_next_flush()');
      const { rows } = await client.query<{ n: number }>(
        `SELECT sum(seq_scan)::int AS n FROM pg_stat_user_tables WHERE relname = 'large'`,
      );
      return rows[0]?.n ?? -1;
    };
    await run(
      move.from,
      MOVED,
      `UPDATE large SET n = 0 WHERE tenant_id = $t AND id IN ('7', '8'); DELETE FROM large WHERE tenant_id = $t AND id = '9'`,
    );
    const before = [await scans(move.from), await scans(move.to)];
    expect(await move.apply()).toBe(3);
    expect([await scans(move.from), await scans(move.to)]).toEqual(before);
    await move.expectEqual();
  });

  it(`makes random changes the same at any time (COPY_SEED=${SEED})`, async () => {
    await expectSameAfterChanges(rig, { seed: SEED, changes: 220, isToAlone: false });
  });
});
