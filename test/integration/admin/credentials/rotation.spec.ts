import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import pg from 'pg';
import { createNewRole } from '../../../../src/admin/credentials/create-new-role.js';
import { dropOldRole } from '../../../../src/admin/credentials/drop-old-role.js';
import { countSessions, terminateSessions } from '../../../../src/admin/credentials/role-sessions.js';
import { rotatedRoleName } from '../../../../src/admin/provisioning/names.js';
import { ensureDatabase, ensureLoginRole } from '../../../../src/admin/provisioning/postgres-objects.js';
import { createTestDatabase, type TestDatabase, testServer } from '../../../support/postgres/postgres.js';
import { soon } from '../../../support/load/soon.js';
import { TENANT_COLUMN, tenantPolicy } from '../../../support/postgres/tenant-database.js';

let database: TestDatabase;
let owner: pg.Client;
let current: { targetId: string; role: string; database: string };
let login: { role: string; password: string };
let newRole: { role: string; password: string };
const open: pg.Client[] = [];

beforeAll(async () => {
  database = await createTestDatabase('rotation');
});

afterAll(() => database.drop());

beforeEach(async () => {
  owner = new pg.Client({ connectionString: database.url });
  await owner.connect();
  const targetId = randomUUID();
  login = { role: rotatedRoleName(database.name, targetId), password: randomBytes(12).toString('hex') };
  newRole = { role: rotatedRoleName(database.name, randomUUID()), password: randomBytes(12).toString('hex') };
  current = { targetId, role: login.role, database: database.name };
  await ensureLoginRole(owner, { id: targetId, role: login.role }, login.password);
  await ensureDatabase(owner, database.name, login.role);
  for (const schema of ['"T odd""name"', 't_plain']) {
    await owner.query(`CREATE SCHEMA ${schema}; CREATE TABLE ${schema}."Notes" (${TENANT_COLUMN}, id serial, text text);
      CREATE TABLE ${schema}.hidden (id int); ${tenantPolicy(`${schema}."Notes"`)}`);
  }
  for (const schema of ['"T odd""name"', 't_plain']) await grant(schema, '"Notes"');
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.end()));
  await database.admin(`DROP SCHEMA "T odd""name", t_plain CASCADE`);
  for (const { role } of [login, newRole]) {
    const [found] = await database.admin('SELECT FROM pg_roles WHERE rolname = $1', [role]);
    if (found) await database.admin(`DROP OWNED BY "${role}"; DROP ROLE "${role}"`);
  }
  await owner.end();
});

/** What migrations grant to the present role. */
async function grant(schema: string, table: string): Promise<void> {
  await owner.query(`GRANT USAGE ON SCHEMA ${schema} TO "${login.role}";
    GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO "${login.role}";
    GRANT SELECT, INSERT, UPDATE, DELETE ON ${schema}.${table} TO "${login.role}"`);
}

async function logIn({ role, password }: { role: string; password: string }): Promise<pg.Client> {
  const { host, port } = testServer();
  const client = new pg.Client({ host, port, user: role, password, database: database.name });
  client.on('error', () => undefined); // the statement that waits is told
  await client.connect();
  open.push(client);
  return client;
}

async function writeNote(client: pg.Client, schema: string): Promise<void> {
  await client.query(`BEGIN; SET LOCAL app.tenant_id = '${randomUUID()}';
    INSERT INTO ${schema}."Notes" (text) VALUES ('x'); SELECT * FROM ${schema}."Notes"; COMMIT`);
}

describe('the name of a new role', () => {
  it("is derived from the operation: stable for one, different for each, and within PostgreSQL's limit", () => {
    const [a, b] = [randomUUID(), randomUUID()];
    expect(rotatedRoleName('app_shared', a)).toBe(rotatedRoleName('app_shared', a));
    expect(rotatedRoleName('app_shared', a)).not.toBe(rotatedRoleName('app_shared', b));
    expect(rotatedRoleName('app_shared', a)).toMatch(/^app_shared_[0-9a-f]{12}$/);
    expect(Buffer.byteLength(rotatedRoleName('ä"'.repeat(60), a))).toBe(63);
    const long = 'x'.repeat(60);
    expect(rotatedRoleName(`${long}1`, a)).not.toBe(rotatedRoleName(`${long}2`, a));
  });
});

describe('preparing a new role', () => {
  it('gives both roles the same rights, however often it runs', async () => {
    for (let run = 0; run < 2; run += 1) await createNewRole(owner, current, newRole);
    for (const role of [login, newRole]) {
      const client = await logIn(role);
      await writeNote(client, '"T odd""name"');
      await writeNote(client, 't_plain');
      await expect(client.query('SELECT FROM t_plain.hidden')).rejects.toMatchObject({ code: '42501' });
    }
    const held = `SELECT relname, privilege_type, is_grantable FROM pg_class, aclexplode(relacl) JOIN pg_roles r ON r.oid = grantee
                  WHERE rolname = $1 ORDER BY 1, 2`;
    const rights = await database.admin(held, [newRole.role]);
    expect(rights).toEqual(await database.admin(held, [login.role]));
    expect(rights.length).toBeGreaterThan(8);
  });

  it('copies rights on columns, routines and types as well', async () => {
    await owner.query(`GRANT SELECT (id) ON t_plain.hidden TO "${login.role}";
      CREATE FUNCTION t_plain.answer(int) RETURNS int LANGUAGE sql AS 'SELECT 42';
      REVOKE ALL ON FUNCTION t_plain.answer FROM PUBLIC; GRANT EXECUTE ON FUNCTION t_plain.answer TO "${login.role}";
      CREATE TYPE t_plain.mood AS ENUM ('ok'); REVOKE ALL ON TYPE t_plain.mood FROM PUBLIC;
      GRANT USAGE ON TYPE t_plain.mood TO "${login.role}"`);
    await createNewRole(owner, current, newRole);
    const client = await logIn(newRole);
    await client.query('SELECT id, t_plain.answer(1) FROM t_plain.hidden');
    const { rows } = await client.query(`SELECT has_type_privilege('t_plain.mood', 'USAGE') AS may`);
    expect(rows).toEqual([{ may: true }]);
  });

  it('adds rights granted since the first run', async () => {
    await createNewRole(owner, current, newRole);
    await owner.query(`CREATE TABLE t_plain.later (${TENANT_COLUMN}); ${tenantPolicy('t_plain.later')}`);
    await grant('t_plain', 'later');
    const client = await logIn(newRole);
    await expect(client.query('SELECT FROM t_plain.later')).rejects.toMatchObject({ code: '42501' });
    await createNewRole(owner, current, newRole);
    await client.query('SELECT FROM t_plain.later');
  });

  it('resets a half-created new role to its recorded password', async () => {
    await createNewRole(owner, current, { ...newRole, password: 'before the crash' });
    await createNewRole(owner, current, newRole);
    await logIn(newRole);
    await expect(logIn({ ...newRole, password: 'before the crash' })).rejects.toMatchObject({ code: '28P01' });
  });

  it('refuses a new role that row-level security would not restrict', async () => {
    await createNewRole(owner, current, newRole);
    for (const [given, taken] of [
      ['SUPERUSER', 'NOSUPERUSER'],
      ['BYPASSRLS', 'NOBYPASSRLS'],
    ]) {
      await database.admin(`ALTER ROLE "${newRole.role}" ${given}`);
      // As a superuser: the owner may not even change the password of such a role.
      await expect(asSuperuserClient((client) => createNewRole(client, current, newRole))).rejects.toMatchObject({
        code: 'UNSAFE_ROLE',
      });
      await database.admin(`ALTER ROLE "${newRole.role}" ${taken}`);
    }
    await database.admin(`ALTER TABLE t_plain."Notes" OWNER TO "${newRole.role}"`);
    await expect(createNewRole(owner, current, newRole)).rejects.toMatchObject({ code: 'UNSAFE_ROLE' });
  });

  it('refuses a foreign role of either name, another database, and the role as its own replacement', async () => {
    await database.admin(`CREATE ROLE "${newRole.role}" LOGIN`);
    await expect(createNewRole(owner, current, newRole)).rejects.toMatchObject({ code: 'CONFLICT' });
    await database.admin(`DROP ROLE "${newRole.role}"`);
    const refused = { code: 'ROTATION_REFUSED' };
    await expect(createNewRole(owner, { ...current, database: 'postgres' }, newRole)).rejects.toMatchObject(refused);
    await expect(createNewRole(owner, { ...current, targetId: randomUUID() }, newRole)).rejects.toMatchObject(refused);
    await expect(createNewRole(owner, { ...current, role: 'tenantry' }, newRole)).rejects.toMatchObject(refused);
    await expect(createNewRole(owner, current, login)).rejects.toMatchObject(refused);
    const made = await database.admin('SELECT FROM pg_roles WHERE rolname = $1', [newRole.role]);
    expect(made).toEqual([]);
  });

  it('reports that the new role cannot log in', async () => {
    await database.admin(`ALTER DATABASE ${database.name} CONNECTION LIMIT 0`);
    const prepared = createNewRole(owner, current, newRole);
    await expect(prepared).rejects.toMatchObject({ code: 'SUCCESSOR_LOGIN_FAILED' });
    await prepared.catch((error: Error) => expect(error.message).not.toContain(newRole.password));
    await database.admin(`ALTER DATABASE ${database.name} CONNECTION LIMIT -1`);
  });
});

describe('the sessions of a role', () => {
  it('are counted and ended by an owner who is no superuser and does not remain a member', async () => {
    expect(await countSessions(owner, login.role)).toBe(0);
    expect(await terminateSessions(owner, login.role)).toBe(0);
    const [client] = await Promise.all([logIn(login), logIn(login)]);
    expect(await countSessions(owner, login.role)).toBe(2);
    expect(await terminateSessions(owner, login.role)).toBe(2);
    await soon(async () => expect(await countSessions(owner, login.role)).toBe(0));
    await expect(client.query('SELECT 1')).rejects.toThrow();
    const { rows } = await owner.query(`SELECT pg_has_role($1, 'USAGE') AS member`, [login.role]);
    expect(rows).toEqual([{ member: false }]);
  });
});

describe('retiring a role', () => {
  it('removes its login and every right, leaves the new role unchanged, and is idempotent', async () => {
    await createNewRole(owner, current, newRole);
    const client = await logIn(newRole);
    for (let run = 0; run < 2; run += 1) await dropOldRole(owner, current);
    await expect(logIn(login)).rejects.toMatchObject({ code: '28P01' });
    expect(await database.admin('SELECT FROM pg_roles WHERE rolname = $1', [login.role])).toEqual([]);
    await writeNote(client, 't_plain');
    await writeNote(await logIn(newRole), '"T odd""name"');
  });

  it('removes the rights of sessions that continue, including one with a temporary table', async () => {
    const client = await logIn(login);
    await client.query('CREATE TEMPORARY TABLE mine (id int)');
    await dropOldRole(owner, current);
    await expect(client.query('SELECT FROM t_plain."Notes"')).rejects.toThrow();
  });

  it('resumes after a crash in the middle', async () => {
    await owner.query(`ALTER ROLE "${login.role}" NOLOGIN; REVOKE ALL ON SCHEMA t_plain FROM "${login.role}"`);
    await dropOldRole(owner, current);
    expect(await database.admin('SELECT FROM pg_roles WHERE rolname = $1', [login.role])).toEqual([]);
  });

  it('never touches a foreign role and drops no data', async () => {
    const refused = { code: 'ROTATION_REFUSED' };
    await expect(dropOldRole(owner, { ...current, targetId: randomUUID() })).rejects.toMatchObject(refused);
    await expect(dropOldRole(owner, { ...current, role: 'tenantry' })).rejects.toMatchObject(refused);
    await expect(dropOldRole(owner, { ...current, database: 'postgres' })).rejects.toMatchObject(refused);
    await logIn(login);
    await database.admin(
      `CREATE TABLE t_plain.precious (id int); ALTER TABLE t_plain.precious OWNER TO "${login.role}"`,
    );
    await expect(dropOldRole(owner, current)).rejects.toMatchObject(refused);
    await database.admin('SELECT FROM t_plain.precious');
  });
});

async function asSuperuserClient<T>(work: (client: pg.Client) => Promise<T>): Promise<T> {
  const { host, port, superuser: user, superuserPassword: password } = testServer();
  const client = new pg.Client({ host, port, user, password, database: database.name });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
