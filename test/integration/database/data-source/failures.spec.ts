import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { QueryFailedError } from 'typeorm';
import { PoolTimeoutError } from '../../../../src/database/pool/pool.errors.js';
import { ConnectionLostError, StatementTimeoutError } from '../../../../src/database/statements/statement-failure.js';
import { TransactionLostError } from '../../../../src/database/transactions/transaction.errors.js';
import { Book } from '../../../support/data-source/library.entities.js';
import { type TestTenant, TestTenants } from '../../../support/data-source/tenants.js';
import { soon } from '../../../support/load/soon.js';

let tenants: TestTenants;
let acme: TestTenant;

beforeAll(async () => {
  tenants = await TestTenants.create({ timeoutMs: 1_500 });
  acme = tenants.named('initech'); // alone in its database
});
afterEach(async () => {
  await tenants.expectNothingHeld();
  await tenants.empty();
});
afterAll(() => tenants.close());

const failureOf = (work: Promise<unknown>): Promise<unknown> => work.then(() => undefined).catch((error) => error);

/** Ends the tenant's connections once one of them runs a statement. */
async function killRunning(): Promise<void> {
  await soon(async () => {
    const killed = await acme.database.admin(
      `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
       WHERE datname = current_database() AND usename = $1 AND query LIKE '%pg_sleep%'`,
      [acme.database.target.role],
    );
    expect(killed).not.toHaveLength(0);
  });
}

describe("failures of a tenant's data source", () => {
  it('are errors of this package, not wrapped by TypeORM', async () => {
    const held = [await acme.pool.acquire({ hold: 'lease' }), await acme.pool.acquire({ hold: 'lease' })];
    try {
      const books = acme.dataSource.getRepository(Book);
      for (const call of [() => books.find(), () => acme.dataSource.query('SELECT 1'), () => save()]) {
        expect(await failureOf(call())).toBeInstanceOf(PoolTimeoutError);
      }
    } finally {
      for (const connection of held) connection.release();
    }
  });

  it('are StatementTimeoutError for a statement that exceeded its time limit', async () => {
    const slow = acme.dataSource.transaction(async (manager) => {
      await manager.query(`SET LOCAL statement_timeout = 50`);
      await manager.query('SELECT pg_sleep(9)');
    });
    const failure = await failureOf(slow);
    expect(failure).toBeInstanceOf(StatementTimeoutError);
    expect(failure).toMatchObject({ code: 'STATEMENT_TIMEOUT', cause: { code: '57014' } });
  });

  it('are ConnectionLostError when the connection breaks, and TransactionLostError for what follows', async () => {
    const work = acme.dataSource.transaction(async (manager) => {
      const lost = failureOf(manager.query('SELECT pg_sleep(9)'));
      await killRunning();
      expect(await lost).toBeInstanceOf(ConnectionLostError);
      expect(await lost).toMatchObject({ code: 'TENANT_UNAVAILABLE', cause: { code: '57P01' } });
      await manager.find(Book);
    });
    expect(await failureOf(work)).toBeInstanceOf(TransactionLostError);
  });

  it("remain TypeORM's QueryFailedError when PostgreSQL rejects a statement", async () => {
    await save();
    const failure = await failureOf(save());
    expect(failure).toBeInstanceOf(QueryFailedError);
    expect(failure).toMatchObject({ driverError: { code: '23505' } });
  });
});

function save(): Promise<unknown> {
  return acme.dataSource.getRepository(Book).insert({ owner: acme.name, isbn: '1', title: 'One' });
}
