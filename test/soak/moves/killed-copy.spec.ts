import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { MovingTenant } from '../../contracts/move-crashes.js';
import { soon } from '../../support/load/soon.js';
import { Operators } from '../../support/operations/operators.js';
import { asSuperuser } from '../../support/postgres/postgres.js';

const LONGEST_MS = 10 * 60_000;
const OPERATION_MS = 5 * 60_000;
const ROWS = 400_000;
/** Two ranges. */
const COMMITTED = 100_000;

let operators: Operators;

beforeAll(async () => {
  operators = await Operators.start();
});
afterAll(async () => operators.close());

const isDone = (id: string): Promise<void> =>
  soon(async () => {
    const { body } = await operators.call('GET', `/admin/v1/operations/${id}`);
    expect(body).toMatchObject({ status: 'succeeded', error: null });
  }, OPERATION_MS);

it(
  'the copy of a tenant with many rows goes on where the instance was killed, while it works',
  async () => {
    const tenant = await MovingTenant.at(operators, 'row');
    const { id: tenantId, slug, database } = await tenant.view();
    await asSuperuser(
      database,
      `INSERT INTO shared.customers (tenant_id, name, email)
       SELECT $1, 'Many', 'many-' || n || '@example.com' FROM generate_series(1, ${ROWS}) n`,
      [tenantId],
    );
    const schemaOf = async (): Promise<string> => {
      const [move] = await operators.database.admin<{ schema: string }>(
        'SELECT to_schema AS schema FROM moves WHERE tenant_id = $1',
        [tenantId],
      );
      return move?.schema ?? '';
    };
    /** How many rows each transaction has written at the new place. */
    const writers = async (): Promise<Map<string, number>> => {
      const rows = await asSuperuser<{ writer: string; rows: number }>(
        database,
        `SELECT xmin::text AS writer, count(*)::int AS rows FROM "${await schemaOf()}".customers GROUP BY 1`,
      );
      return new Map(rows.map(({ writer, rows: count }) => [writer, count]));
    };

    const { id } = await tenant.request('move', { isolation: 'schema' });
    await soon(async () => {
      const copied = await asSuperuser<{ rows: number }>(
        database,
        `SELECT rows::int AS rows FROM tenantry_isolation.copied WHERE tenant_id = $1 AND relation = 'customers'`,
        [tenantId],
      );
      expect(copied[0]?.rows).toBeGreaterThanOrEqual(COMMITTED);
    });
    await operators.killWorkerOf(id);
    const before = await writers();
    const committed = [...before.values()].reduce((sum, rows) => sum + rows, 0);
    expect(committed).toBeGreaterThanOrEqual(COMMITTED);
    expect(committed).toBeLessThan(ROWS); // it was killed in the copy
    await tenant.write();
    await isDone(id);

    const after = await writers();
    const kept = [...before.keys()].reduce((sum, writer) => sum + (after.get(writer) ?? 0), 0);
    process.stderr.write(
      `of ${ROWS} rows, ${committed} were there when the instance was killed, and ${kept} were kept\n`,
    );
    expect(kept).toBeGreaterThanOrEqual(committed - 1); // the table's only change since was an insertion
    await tenant.write();
    const [stored] = await asSuperuser<{ rows: number }>(
      database,
      `SELECT count(*)::int AS rows FROM "${await schemaOf()}".customers WHERE email LIKE 'many-%'`,
    );
    expect(stored).toEqual({ rows: ROWS });
    const finished = await tenant.request('move/finish');
    await isDone(finished.id);
    await tenant.hasNoMove();
    expect(
      await asSuperuser(database, 'SELECT FROM tenantry_isolation.copied WHERE tenant_id = $1', [tenantId]),
    ).toEqual([]);
    expect(await tenant.view()).toMatchObject({ slug, isolation: 'schema', status: 'active' });
  },
  LONGEST_MS,
);
