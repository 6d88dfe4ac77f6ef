import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TenantConnectionService } from '../../../src/index.js';
import { AdminClient } from '../../support/admin/admin-client.js';
import { soon } from '../../support/load/soon.js';
import { type Json, TestApp, type TestTenant } from '../../support/test-app.js';

let app: TestApp;
let admin: AdminClient;
let acme: TestTenant;

beforeAll(async () => {
  app = await TestApp.start();
  admin = new AdminClient(app);
  acme = await app.provision('acme', 'row');
});
afterAll(async () => app.dispose());

const request = (path: string, body?: object): ReturnType<AdminClient['send']> =>
  admin.send('POST', `/tenants/acme/${path}`, { ...(body && { body }) });

async function succeeds(path: string, body?: object): Promise<Json> {
  const { headers } = await request(path, body);
  const operation = await admin.ended(headers.get('location'));
  expect(operation).toMatchObject({ status: 'succeeded', error: null });
  return operation;
}

const noMove = async (): Promise<void> => expect(await app.database.admin('SELECT state FROM moves')).toEqual([]);

const insert = (name: string): ReturnType<TestApp['call']> =>
  app.call('/api/v1/customers', {
    ...{ method: 'POST', apiKey: acme.apiKey, body: { name, email: `${name}@example.com` } },
  });

describe('a move', () => {
  it('is refused without a new place, to the place where the tenant is, and for no tenant', async () => {
    expect((await request('move', {})).body.code).toBe('VALIDATION_FAILED');
    expect((await request('move', { isolation: 'row' })).body.code).toBe('CONFLICT');
    expect((await request('move', { server: 'absent' })).body.code).toBe('NOT_FOUND');
    const nobody = await admin.send('POST', '/tenants/absent/move', { body: { isolation: 'schema' } });
    expect(nobody.body.code).toBe('NOT_FOUND');
    for (const path of ['move/back', 'move/finish']) expect((await request(path)).body.code).toBe('CONFLICT');
  });

  it('loses no write and no data source that was obtained before it, and is taken back with what was written since', async () => {
    const connections = app.application.nest.get(TenantConnectionService);
    const former = await connections.dataSource(acme);
    const count = async (): Promise<number> => {
      const [row] = await former.query<[{ rows: number }]>('SELECT count(*)::int AS rows FROM customers');
      return row.rows;
    };
    const written = { rows: 0, goesOn: true };
    const writing = (async () => {
      for (; written.goesOn; written.rows += 1) {
        expect((await insert(`customer-${written.rows}`)).status).toBe(201);
        expect(await count()).toBe(written.rows + 1);
      }
    })();
    try {
      await soon(async () => expect(written.rows).toBeGreaterThan(3));
      const { result } = await succeeds('move', { isolation: 'schema' });
      expect(result).toMatchObject({ tables: 3, waitMs: expect.any(Number) });
      expect((await admin.get('/tenants/acme')).body).toMatchObject({ isolation: 'schema', status: 'active' });
      const before = written.rows;
      await soon(async () => expect(written.rows).toBeGreaterThan(before + 3));

      expect((await request('move', { isolation: 'database' })).body.code).toBe('CONFLICT');
      expect((await admin.send('DELETE', '/tenants/acme?graceSeconds=0')).body.code).toBe('CONFLICT');
      await succeeds('move/back');
    } finally {
      written.goesOn = false;
      await writing;
    }
    expect((await admin.get('/tenants/acme')).body).toMatchObject({ isolation: 'row', status: 'active' });
    expect(await count()).toBe(written.rows);
  });

  it('that was cancelled leaves the tenant where it is, and nothing of the move', async () => {
    await soon(noMove); // what the former one has made is removed by an operation of its own
    const { headers } = await request('move', { isolation: 'database' });
    const location = headers.get('location') ?? '';
    await soon(async () => {
      const { steps } = (await admin.get(location)).body;
      expect(steps.find(({ name }: Json) => name === 'note-changes').status).toBe('running');
    });
    await admin.send('POST', `${location}/cancel`);
    expect(await admin.ended(location)).toMatchObject({ status: 'cancelled' });
    await soon(noMove);
    const targets = await app.database.admin(`SELECT kind FROM connection_targets`);
    expect(targets).toEqual([{ kind: 'shared' }]);
    expect((await admin.get('/tenants/acme')).body).toMatchObject({ isolation: 'row', status: 'active' });
    expect((await insert('afterwards')).status).toBe(201);
  });
});
