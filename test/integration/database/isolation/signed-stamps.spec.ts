import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import {
  ensureKey,
  installedKeys,
  installKey,
  removeOtherKeys,
} from '../../../../src/database/isolation/installed-keys.js';
import {
  ensureIsolationFunctions,
  installIsolationFunctions,
  readUnsignedStamps,
} from '../../../../src/database/isolation/isolation-functions.js';
import { newStampKey, proofOf } from '../../../../src/database/isolation/stamp-key.js';
import {
  createPoliciesSql,
  FORMER_POLICY,
  TENANT_POLICIES,
} from '../../../../src/database/isolation/tenant-policies.js';
import { replaceFormerPolicies } from '../../../../src/database/table-migrations/execution/replace-former-policies.js';
import {
  createTenantDatabase,
  TENANT_COLUMN,
  tenantPolicy,
  type TenantDatabase,
} from '../../../support/postgres/tenant-database.js';

const A = randomUUID();
const B = randomUUID();
const PLAN = { lockTimeoutMs: 100, attempts: 3 };

let database: TenantDatabase;
let owner: pg.Client;
let login: pg.Client;

async function connect(connection: pg.ClientConfig): Promise<pg.Client> {
  const client = new pg.Client(connection);
  await client.connect();
  return client;
}

beforeAll(async () => {
  database = await createTenantDatabase();
  owner = await connect({ connectionString: database.url });
  const { host, port } = database.target.server;
  login = await connect({
    host,
    port,
    user: database.role,
    password: database.target.password,
    database: database.name,
  });
  await ensureIsolationFunctions(owner);
  await database.define(
    'shared',
    `CREATE TABLE notes (${TENANT_COLUMN}, body text NOT NULL);
     ALTER TABLE notes ENABLE ROW LEVEL SECURITY; ${createPoliciesSql('notes').join(';')};
     INSERT INTO notes VALUES ('${A}', 'a'), ('${B}', 'b')`,
  );
});

afterAll(async () => {
  await login.end();
  await owner.end();
  await database.drop();
});

async function stamp(id: string, proof: string): Promise<void> {
  await login.query(`SELECT set_config('app.tenant_id', $1, false), set_config('app.tenant_proof', $2, false)`, [
    id,
    proof,
  ]);
}

async function seen(): Promise<string[]> {
  return (await login.query<{ body: string }>('SELECT body FROM shared.notes ORDER BY body')).rows.map(
    ({ body }) => body,
  );
}

describe('a database that refuses unsigned stamps', () => {
  let key: string;

  beforeAll(async () => {
    await installIsolationFunctions(owner, 'refused');
    key = await ensureKey(owner);
  });

  it('shows the rows of the tenant whose proof is right, and of no other', async () => {
    await stamp(A, proofOf(key, A));
    expect(await seen()).toEqual(['a']);
    await stamp(B, proofOf(key, B));
    expect(await seen()).toEqual(['b']);
  });

  it.each([
    ['no proof', () => ''],
    ["another tenant's proof", () => proofOf(key, A)],
    ['the proof of another key', () => proofOf(newStampKey(), B)],
    ['the proof in capitals', () => proofOf(key, B).toUpperCase()],
    ['a truncated proof', () => proofOf(key, B).slice(0, 63)],
    ['text that is no proof', () => "'; SELECT"],
  ])('hides every row from a stamp with %s, and lets it change none', async (_what, proof) => {
    await stamp(B, proof());
    expect(await seen()).toEqual([]);
    expect((await login.query(`UPDATE shared.notes SET body = 'x'`)).rowCount).toBe(0);
    expect((await login.query(`DELETE FROM shared.notes`)).rowCount).toBe(0);
    await expect(login.query(`INSERT INTO shared.notes (body) VALUES ('x')`)).rejects.toMatchObject({ code: '42501' });
    await expect(login.query(`INSERT INTO shared.notes VALUES ('${A}', 'x')`)).rejects.toMatchObject({ code: '42501' });
    expect(await database.admin('SELECT body FROM shared.notes ORDER BY body')).toEqual([{ body: 'a' }, { body: 'b' }]);
  });

  it('lets a tenant move no row to another one', async () => {
    await stamp(A, proofOf(key, A));
    await expect(login.query(`UPDATE shared.notes SET tenant_id = '${B}'`)).rejects.toMatchObject({ code: '42501' });
  });

  it('keeps the keys from the login role', async () => {
    await expect(login.query('SELECT * FROM tenantry_isolation.keys')).rejects.toMatchObject({ code: '42501' });
    await expect(login.query('SELECT tenantry_isolation.may_read()')).rejects.toMatchObject({ code: '42501' });
  });

  it('is not misled by objects of the caller in front of those of PostgreSQL', async () => {
    await stamp(B, proofOf(key, A));
    await login.query(`CREATE TEMP TABLE keys AS SELECT repeat('x', 64)::bytea AS inner_block, ''::bytea AS outer_block;
      CREATE TYPE pg_temp.uuid AS (a int); SET search_path = pg_temp, shared, public`);
    expect(await seen()).toEqual([]);
    await login.query('DISCARD ALL');
  });

  it('accepts two keys while one of them is being replaced', async () => {
    const successor = newStampKey();
    await installKey(owner, successor);
    await installKey(owner, successor);
    expect(await installedKeys(owner)).toEqual([key, successor]);
    for (const valid of [key, successor]) {
      await stamp(A, proofOf(valid, A));
      expect(await seen()).toEqual(['a']);
    }
    await removeOtherKeys(owner, successor);
    await stamp(A, proofOf(key, A));
    expect(await seen()).toEqual([]);
    expect(await ensureKey(owner)).toBe(successor);
    key = successor;
  });
});

describe('a database that accepts unsigned stamps', () => {
  it('accepts a stamp without a proof, as former releases send it, but never a wrong one', async () => {
    await installIsolationFunctions(owner, 'accepted');
    expect(await readUnsignedStamps(owner)).toBe('accepted');
    await stamp(A, '');
    expect(await seen()).toEqual(['a']);
    await stamp(A, proofOf(newStampKey(), A));
    expect(await seen()).toEqual([]);
    await login.query('DISCARD ALL');
    expect(await seen()).toEqual([]);
  });

  it('is left as it is when it is prepared again', async () => {
    await installIsolationFunctions(owner, 'refused');
    await ensureIsolationFunctions(owner, 'accepted');
    expect(await readUnsignedStamps(owner)).toBe('refused');
  });
});

describe('concurrent installations', () => {
  it('end with one key', async () => {
    const others = await Promise.all([1, 2, 3].map(() => connect({ connectionString: database.url })));
    await owner.query('DELETE FROM tenantry_isolation.keys');
    const keys = await Promise.all(others.map((client) => ensureKey(client)));
    expect(new Set(keys).size).toBe(1);
    expect(await installedKeys(owner)).toEqual([keys[0]]);
    await Promise.all(others.map((client) => client.end()));
  });
});

describe('the policy of former releases', () => {
  const policies = async (): Promise<unknown[]> =>
    (
      await database.admin(`SELECT polname AS name FROM pg_policy WHERE polrelid = 'former.notes'::regclass ORDER BY 1`)
    ).map(({ name }) => name);

  beforeAll(() =>
    database.define('former', `CREATE TABLE notes (${TENANT_COLUMN}, body text); ${tenantPolicy('notes')}`),
  );

  it('waits behind transactions that use the table, and is replaced as a whole', async () => {
    await login.query('BEGIN');
    await login.query('SELECT FROM former.notes');
    await expect(replaceFormerPolicies(owner, 'former', PLAN)).rejects.toMatchObject({ code: 'MIGRATION_LOCKED' });
    expect(await policies()).toEqual([FORMER_POLICY]);
    const replaced = replaceFormerPolicies(owner, 'former', { ...PLAN, attempts: 20 });
    await login.query('COMMIT');
    await replaced;
    expect(await policies()).toEqual(TENANT_POLICIES.map(({ name }) => name).toSorted());
    await replaceFormerPolicies(owner, 'former', PLAN);
  });
});
