import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import pg from 'pg';
import { ensureLoginRole } from '../../../../src/admin/provisioning/postgres-objects.js';
import { limitRoles, type OwnerQuery, roleLimit } from '../../../../src/catalog/instances/role-limits.js';
import { createTestDatabase, type TestDatabase, testServer } from '../../../support/postgres/postgres.js';

const PASSWORD = 'login-password';

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
  expect(await limitRoles(query, [ours.id], 80)).toEqual([ours.role]);
  expect([await limitOf(ours), await limitOf(others)]).toEqual([88, -1]);
  expect(await limitRoles(query, [ours.id], 80)).toEqual([]);
  expect(await limitRoles(query, [ours.id, others.id], 20)).toEqual(expect.arrayContaining([ours.role, others.role]));
  expect([await limitOf(ours), await limitOf(others)]).toEqual([25, 25]);
  await limitRoles(query, [ours.id], 100);
  expect(await limitOf(ours)).toBe(110);
});

it('is set by two instances at once', async () => {
  for (const limit of [30, 40, 50, 60]) {
    await Promise.all(owners.map((owner) => limitRoles(queryOf(owner), [ours.id, others.id], limit)));
    expect(await limitOf(ours)).toBe(roleLimit(limit));
  }
});

it('is what PostgreSQL refuses further connections by', async () => {
  await limitRoles(queryOf(owners[0]!), [ours.id], 1);
  await database.admin(`GRANT CONNECT ON DATABASE "${database.name}" TO "${ours.role}"`);
  const { host, port } = testServer();
  const clients = Array.from(
    { length: roleLimit(1) + 1 },
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
