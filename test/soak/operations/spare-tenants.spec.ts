import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { Activation } from '../../../src/admin/provisioning/activation.js';
import { ReferenceData } from '../../../src/index.js';
import { OperationRunner } from '../../../src/operations/operation-runner.js';
import { CountriesModule } from '../../support/host/countries.module.js';
import { Diary, DiaryModule } from '../../support/hooks/diary.module.js';
import { HostApplication } from '../../support/host/host-application.js';
import { soon } from '../../support/load/soon.js';
import { testServer } from '../../support/postgres/postgres.js';
import { ADMIN_KEY, type Json } from '../../support/test-app.js';

const SPARES = 5;
const SIGN_UPS = 12;

let host: HostApplication;

beforeAll(async () => {
  const env = { SPARE_TENANTS: `schema:${SPARES}` };
  host = await HostApplication.start({ adapter: 'fastify', env, imports: [DiaryModule] });
});
afterAll(() => host?.dispose());

async function admin(method: string, path: string, body?: object): Promise<Json> {
  const response = await host.fetch(`/admin/v1${path}`, {
    method,
    headers: { authorization: `Bearer ${ADMIN_KEY}` },
    ...(body && { body: JSON.stringify(body) }),
  });
  return response.json();
}

async function readySpares(): Promise<{ id: string; schema: string }[]> {
  return host.database.admin(
    `SELECT id, schema_name AS schema FROM tenants WHERE spare_server_id IS NOT NULL AND schema_version IS NOT NULL`,
  );
}

async function full(): Promise<void> {
  await soon(async () => expect(await readySpares()).toHaveLength(SPARES));
}

describe('spare tenants', () => {
  it('are provisioned ahead, neither listed nor served', async () => {
    await full();
    expect((await admin('GET', '/tenants')).items).toEqual([]);
    const statuses = await host.database.admin('SELECT DISTINCT status FROM tenants');
    expect(statuses).toEqual([{ status: 'provisioning' }]);
  });

  it('are given to sign-ups at the same time once each; the others are provisioned as usual', async () => {
    await full();
    const spares = new Set((await readySpares()).map(({ id }) => id));
    const created = await Promise.all(
      Array.from({ length: SIGN_UPS }, (_, n) =>
        admin('POST', '/tenants', { slug: `at-once-${n}`, isolation: 'schema' }),
      ),
    );
    await soon(async () => {
      const { items } = await admin('GET', '/tenants?search=at-once&status=active');
      expect(items).toHaveLength(SIGN_UPS);
    });
    const ids = created.map(({ tenant }) => tenant.id);
    expect(new Set(ids).size).toBe(SIGN_UPS);
    expect(ids.filter((id) => spares.has(id))).toHaveLength(SPARES);
    const diary = host.nest.get(Diary, { strict: false });
    await soon(async () => {
      for (let n = 0; n < SIGN_UPS; n++) expect(diary.of(`at-once-${n}`)).toHaveLength(2); // hooks know the customer's slug
    });
  });

  it('are not taken while their tables lack a migration, which the fleet migration brings them', async () => {
    await full();
    await host.database.admin(
      `UPDATE tenants SET schema_version = 'Former1700000000000' WHERE spare_server_id IS NOT NULL`,
    );
    const spares = new Set((await readySpares()).map(({ id }) => id));
    const { tenant } = await admin('POST', '/tenants', { slug: 'while-behind', isolation: 'schema' });
    expect(spares.has(tenant.id)).toBe(false);
    const { id } = await admin('POST', '/operations', { kind: 'migrate' });
    await soon(async () => expect(await admin('GET', `/operations/${id}`)).toMatchObject({ status: 'succeeded' }));
    const after = (await admin('POST', '/tenants', { slug: 'afterwards', isolation: 'schema' })).tenant;
    expect(spares.has(after.id)).toBe(true);
  });
});

describe('reference rows', () => {
  it('reach a spare tenant although they were published before it was ready and after its tables were migrated', async () => {
    const env = { SPARE_TENANTS: 'schema:1' };
    const other = await HostApplication.start({ adapter: 'fastify', env, imports: [CountriesModule] });
    const versions = (): Promise<Json[]> =>
      other.database.admin(
        `SELECT t.id, p.version FROM tenants t LEFT JOIN reference_places p USING (target_id, schema_name)
         WHERE t.spare_server_id IS NOT NULL AND t.schema_version IS NOT NULL`,
      );
    try {
      await soon(async () => expect(await versions()).toHaveLength(1));
      const [first] = await versions();
      const activation = other.nest.get(Activation, { strict: false });
      const activate = activation.activate.bind(activation);
      const spy = jest.spyOn(activation, 'activate').mockImplementationOnce(async (tenants) => {
        const rows = [{ code: 'DE', name: 'Germany' }];
        const { operationId } = await other.nest.get(ReferenceData, { strict: false }).publish('countries', rows);
        await other.nest.get(OperationRunner, { strict: false }).runToCompletion(operationId);
        return activate(tenants);
      });
      const { id } = await other.provision('customer', 'schema'); // takes the first one
      expect(id).toBe(first!.id);
      await soon(async () => expect(await versions()).toMatchObject([{ version: 1 }]));
      spy.mockRestore();
    } finally {
      await other.dispose();
    }
  });
});

describe('a server that is away', () => {
  it('keeps no other server from having its spare tenants', async () => {
    const shared = { ENCRYPTION_KEYS: `test:${randomBytes(32).toString('base64')}` };
    const registering = await HostApplication.start({ adapter: 'fastify', env: shared });
    const { database } = registering;
    const { host: address, port, owner: ownerRole, ownerPassword } = testServer();
    const server = { name: 'gone', host: address, port, tls: 'disable', ownerRole, ownerPassword };
    const registered = await registering.fetch('/admin/v1/servers', {
      method: 'POST',
      headers: { authorization: `Bearer ${ADMIN_KEY}` },
      body: JSON.stringify(server),
    });
    expect(registered.status).toBe(201);
    await registering.stop();
    await database.admin(`UPDATE servers SET port = 1 WHERE name = 'gone'`);

    const env = { ...shared, SPARE_TENANTS: `schema@gone:${SPARES},schema:${3 * SPARES}` };
    const supplied = await HostApplication.start({ adapter: 'fastify', env, database });
    try {
      const ready = `SELECT s.name, count(*)::int FROM tenants t JOIN servers s ON s.id = t.spare_server_id
        WHERE t.schema_version IS NOT NULL GROUP BY s.name`;
      await soon(async () => expect(await database.admin(ready)).toEqual([{ name: 'default', count: 3 * SPARES }]));
    } finally {
      await supplied.dispose();
    }
  });
});
