import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { randomUUID } from 'node:crypto';
import pg from 'pg';
import { ensureDatabase, ensureLoginRole, ensureSchemas } from '../../../../src/admin/provisioning/postgres-objects.js';
import { createTenantDatabase, type TenantDatabase } from '../../../support/postgres/tenant-database.js';

let database: TenantDatabase;
/** An owner that has lost its rights since its server was registered. */
let owner: pg.Client;

beforeAll(async () => {
  database = await createTenantDatabase();
  const { role: user, password, database: name, server } = database.target;
  owner = new pg.Client({ user, password, database: name, host: server.host, port: server.port });
  await owner.connect();
});

afterAll(async () => {
  await owner.end();
  await database.drop();
});

const refusal = (right: string) => ({
  code: 'MISSING_SERVER_RIGHTS',
  message: expect.stringContaining(right),
  cause: { code: '42501' },
});

it('names CREATEDB when the owner may not create a database', async () => {
  const created = ensureDatabase(owner, `refused_${randomUUID()}`, database.role);
  await expect(created).rejects.toMatchObject(refusal('CREATEDB'));
});

it('names CREATE when the owner may not create a schema', async () => {
  await expect(ensureSchemas(owner, [`refused_${randomUUID()}`])).rejects.toMatchObject(
    refusal('CREATE on its database'),
  );
});

it('names CREATEROLE when the owner may not create a login role', async () => {
  const created = ensureLoginRole(owner, { id: randomUUID(), role: `refused_${randomUUID()}` }, 'secret');
  await expect(created).rejects.toMatchObject(refusal('CREATEROLE'));
});
