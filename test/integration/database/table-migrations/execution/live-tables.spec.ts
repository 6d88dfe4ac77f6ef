import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type pg from 'pg';
import { migrateTables } from '../../../../../src/database/table-migrations/execution/migrate-tables.js';
import { MigrationLockedError } from '../../../../../src/database/table-migrations/execution/migration.errors.js';
import { recordedMigrations } from '../../../../../src/database/table-migrations/versions/recorded-migrations.js';
import { soon } from '../../../../support/load/soon.js';
import { migration, MigrationFixture } from '../../../../support/tables/migration-fixture.js';

const A = migration('A1764000000001', 'CREATE TABLE a (id int)');
const ALTERS = migration('Alters1764000000002', 'ALTER TABLE a ADD COLUMN more text');
const LOCK_TIMEOUT_MS = 300;

let fixture: MigrationFixture;
let tables: { readonly schema: string; readonly role: string };
let migrator: pg.Client;
let holder: pg.Client;
let user: pg.Client;
beforeAll(async () => {
  fixture = await MigrationFixture.create();
});
afterAll(() => fixture.close());

/** A new schema with a table that `holder` has open in a transaction. */
async function begin(): Promise<void> {
  tables = await fixture.tables();
  [migrator, holder, user] = [await fixture.client(), await fixture.client(), await fixture.client()];
  await migrateTables(migrator, tables, [A]);
  await holder.query(`BEGIN; SELECT * FROM ${tables.schema}.a`);
}

async function waitsForLock(): Promise<void> {
  await soon(async () => {
    const rows = await fixture.database.admin(
      `SELECT FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock' AND relation = $1::regclass`,
      [`${tables.schema}.a`],
    );
    expect(rows).toHaveLength(1);
  });
}

describe('a migration of a table in use', () => {
  it('lets readers and writers through after the lock timeout, and succeeds once the table is free', async () => {
    await begin();
    const retries: [number, string | undefined][] = [];
    let askedForOnce!: () => void;
    const gaveWay = new Promise<void>((resolve) => (askedForOnce = resolve));
    const run = migrateTables(migrator, tables, [A, ALTERS], {
      lockTimeoutMs: LOCK_TIMEOUT_MS,
      onRetry: (attempt, error) => {
        retries.push([attempt, (error as pg.DatabaseError).code]);
        askedForOnce();
      },
    });
    await waitsForLock();
    // Served although the holder's transaction stays open.
    await user.query(`SELECT * FROM ${tables.schema}.a; INSERT INTO ${tables.schema}.a VALUES (1)`);
    await gaveWay;
    await holder.query('COMMIT');
    expect(await run).toMatchObject({ version: 'Alters1764000000002', applied: ['Alters1764000000002'] });
    expect(retries[0]).toEqual([1, '55P03']);
  });

  it('gives up after its attempts, rolled back and repeatable', async () => {
    await begin();
    const failure = await migrateTables(migrator, tables, [A, ALTERS], { lockTimeoutMs: 20, attempts: 3 }).catch(
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(MigrationLockedError);
    expect(failure).toMatchObject({ code: 'MIGRATION_LOCKED', migration: 'Alters1764000000002', sqlState: '55P03' });
    expect(await recordedMigrations(migrator, tables.schema)).toEqual(['A1764000000001']);
    await holder.query('COMMIT');
    expect((await migrateTables(migrator, tables, [A, ALTERS])).applied).toHaveLength(1);
  });

  it('repeats only the blocked statement outside a transaction', async () => {
    await begin();
    let runs = 0;
    const untransacted = migration(
      'Alters1764000000002',
      async (runner) => {
        runs += 1;
        await runner.query('CREATE TABLE made_once (id int)');
        await runner.query('ALTER TABLE a ADD COLUMN more text');
      },
      false,
    );
    const onRetry = (): void => void holder.query('COMMIT');
    const run = migrateTables(migrator, tables, [A, untransacted], { lockTimeoutMs: 20, onRetry });
    expect((await run).applied).toEqual(['Alters1764000000002']);
    expect(runs).toBe(1);
  });

  it("lets CREATE INDEX CONCURRENTLY wait for the table's users, who do not wait", async () => {
    await begin();
    const index = migration('Index1764000000003', 'CREATE INDEX CONCURRENTLY a_id ON a (id)', false);
    await holder.query(`INSERT INTO ${tables.schema}.a VALUES (2)`);
    const run = migrateTables(migrator, tables, [A, index], { lockTimeoutMs: 20, attempts: 1 });
    await soon(async () => {
      const rows = await fixture.database.admin(
        `SELECT FROM pg_stat_activity WHERE query LIKE 'CREATE INDEX CONC%' AND wait_event_type = 'Lock'
           AND clock_timestamp() - query_start > interval '100 ms'`,
      );
      expect(rows).toHaveLength(1);
    });
    await user.query(`INSERT INTO ${tables.schema}.a VALUES (3)`);
    await holder.query('COMMIT');
    expect((await run).applied).toEqual(['Index1764000000003']);
  });

  it('is retried after a deadlock', async () => {
    await begin();
    await holder.query('COMMIT');
    await migrator.query(`CREATE TABLE ${tables.schema}.z (id int)`);
    const other = await fixture.superuser();
    await other.query(`SET deadlock_timeout = '1h'`); // so that it is never the one to notice
    let crossing: Promise<unknown> | undefined;
    const crosses = migration('Crosses1764000000002', async (runner) => {
      await runner.query('LOCK TABLE a');
      if (!crossing) {
        await other.query(`BEGIN; LOCK TABLE ${tables.schema}.z`);
        crossing = other.query(`LOCK TABLE ${tables.schema}.a; COMMIT`);
      }
      await runner.query('LOCK TABLE z');
    });
    const codes: unknown[] = [];
    const onRetry = (_attempt: number, error: Error): void => void codes.push((error as pg.DatabaseError).code);
    const run = await migrateTables(migrator, tables, [A, crosses], { lockTimeoutMs: 20_000, onRetry });
    await crossing;
    expect(run.applied).toEqual(['Crosses1764000000002']);
    expect(codes).toEqual(['40P01']);
  });

  it('stops retrying when its signal is aborted', async () => {
    await begin();
    const stop = new AbortController();
    const reason = new Error('enough');
    const onRetry = (): void => stop.abort(reason);
    const run = migrateTables(migrator, tables, [A, ALTERS], { lockTimeoutMs: 20, signal: stop.signal, onRetry });
    await expect(run).rejects.toBe(reason);
    await holder.query('COMMIT');
    expect((await migrateTables(user, tables, [A, ALTERS])).applied).toHaveLength(1);
  });
});
