import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import pg from 'pg';
import { ensureLoginRole } from '../../../../src/admin/provisioning/postgres-objects.js';
import { limitRoles, type OwnerQuery, roleLimit, UNLIMITED } from '../../../../src/catalog/instances/role-limits.js';
import { roleComment } from '../../../../src/catalog/model/role-comment.js';
import { isTransient } from '../../../../src/operations/operation-execution.js';
import { soon } from '../../../support/load/soon.js';
import { createTestDatabase, type TestDatabase, testServer } from '../../../support/postgres/postgres.js';

const PASSWORD = 'login-password';
const LIMIT = 6;

let database: TestDatabase;
let owners: pg.Client[];
let ours: { readonly id: string; readonly role: string };
let others: { readonly id: string; readonly role: string };

beforeAll(async () => {
  database = await createTestDatabase('role_limits');
  owners = [1, 2].map(() => new pg.Client({ connectionString: database.url }));
  await Promise.all(owners.map((owner) => owner.connect()));
});
afterAll(async () => {
  await Promise.all(owners.map((owner) => owner.end()));
  await database.drop();
});
beforeEach(async () => {
  const target = (name: string): typeof ours => ({ id: randomUUID(), role: `${name} ${randomUUID()}` });
  [ours, others] = [target('ours'), target('others')];
  for (const one of [ours, others]) await ensureLoginRole(owners[0]!, one, PASSWORD);
});
afterEach(async () => {
  for (const { role } of [ours, others]) await database.admin(`DROP ROLE "${role}"`);
});

const queryOf =
  (owner: pg.Client): OwnerQuery =>
  async <Row>(sql: string, values?: readonly unknown[]) =>
    (await owner.query(sql, values && [...values])).rows as Row[];

async function limitOf({ role }: { readonly role: string }): Promise<number | undefined> {
  const sql = 'SELECT rolconnlimit AS limit FROM pg_roles WHERE rolname = $1';
  return (await database.admin<{ limit: number }>(sql, [role]))[0]?.limit;
}

it('is above what instances are lent, by a tenth, and by five connections at least', () => {
  expect([10, 80, 400].map(roleLimit)).toEqual([15, 88, 440]);
});

it('is that of the given targets, and follows the limit of the server in both directions', async () => {
  const query = queryOf(owners[0]!);
  expect(await limitRoles(query, [ours.id], () => 88)).toEqual({ limited: [ours.role], refused: [] });
  expect([await limitOf(ours), await limitOf(others)]).toEqual([88, -1]);
  expect(await limitRoles(query, [ours.id], () => 88)).toEqual({ limited: [], refused: [] });
  const { limited } = await limitRoles(query, [ours.id, others.id], () => 25);
  expect(limited.toSorted()).toEqual([ours.role, others.role].toSorted());
  expect([await limitOf(ours), await limitOf(others)]).toEqual([25, 25]);
  await limitRoles(query, [ours.id, others.id], () => UNLIMITED);
  expect([await limitOf(ours), await limitOf(others)]).toEqual([-1, -1]);
});

it('of login roles is set by two instances at once', async () => {
  for (const limit of [30, 40, 50, 60]) {
    await Promise.all(owners.map((owner) => limitRoles(queryOf(owner), [ours.id, others.id], () => limit)));
    expect(await limitOf(ours)).toBe(limit);
  }
});

it('is the latest one, where it changes while roles are limited', async () => {
  let limit = 30;
  const query: OwnerQuery = async (sql, values) => {
    const rows = await queryOf(owners[0]!)<never>(sql, values);
    if (sql.includes('pg_roles')) limit = 70; // they are listed
    return rows;
  };
  await limitRoles(query, [ours.id, others.id], () => limit);
  expect([await limitOf(ours), await limitOf(others)]).toEqual([70, 70]);
});

it('is none on a server with Citus, which is recognised by its settings', async () => {
  await database.admin(`ALTER ROLE "${ours.role}" CONNECTION LIMIT 7`);
  const client = new pg.Client({ connectionString: database.url, options: '-c citus.max_shared_pool_size=10' });
  await client.connect();
  try {
    await limitRoles(queryOf(client), [ours.id], () => 40);
  } finally {
    await client.end();
  }
  expect(await limitOf(ours)).toBe(-1);
});

it('of other roles is set where the owner may not change one of them, or one is dropped meanwhile', async () => {
  const [foreign, dropped] = [randomUUID(), randomUUID()];
  for (const id of [foreign, dropped]) {
    await database.admin(`CREATE ROLE "${id}"; COMMENT ON ROLE "${id}" IS '${roleComment(id)}'`);
  }
  const query: OwnerQuery = async (sql, values) => {
    const rows = await queryOf(owners[0]!)<never>(sql, values);
    if (sql.includes('pg_roles')) await database.admin(`DROP ROLE "${dropped}"`);
    return rows;
  };
  try {
    const outcome = await limitRoles(query, [foreign, dropped, ours.id], () => 40);
    expect(outcome).toEqual({ limited: [ours.role], refused: [foreign] });
    expect(await limitOf(ours)).toBe(40);
  } finally {
    await database.admin(`DROP ROLE "${foreign}"`);
  }
});

it('of a role that an operation changes at the same moment has that step tried again', async () => {
  const [first, second] = owners as [pg.Client, pg.Client];
  const alter = `ALTER ROLE "${ours.role}" CONNECTION LIMIT`;
  await first.query('BEGIN');
  await first.query(`${alter} 10`);
  const changing = second.query(`${alter} 20`).then(
    () => undefined,
    (error: unknown) => error,
  );
  await soon(async () => {
    const waiting = await database.admin(`SELECT FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query = $1`, [
      `${alter} 20`,
    ]);
    expect(waiting).toHaveLength(1);
  });
  await first.query('COMMIT');
  const error = await changing;
  expect(error).toMatchObject({ code: 'XX000' });
  expect(isTransient(error)).toBe(true);
});

it('is what PostgreSQL refuses further connections by', async () => {
  await limitRoles(queryOf(owners[0]!), [ours.id], () => LIMIT);
  await database.admin(`GRANT CONNECT ON DATABASE "${database.name}" TO "${ours.role}"`);
  const { host, port } = testServer();
  const clients = Array.from(
    { length: LIMIT + 1 },
    () => new pg.Client({ host, port, database: database.name, user: ours.role, password: PASSWORD }),
  );
  try {
    for (const client of clients.slice(0, -1)) await client.connect();
    await expect(clients.at(-1)!.connect()).rejects.toMatchObject({
      code: '53300',
      routine: 'InitializeSessionUserId',
    });
  } finally {
    await Promise.all(clients.map((client) => client.end()));
    await database.admin(`REVOKE CONNECT ON DATABASE "${database.name}" FROM "${ours.role}"`);
  }
});
