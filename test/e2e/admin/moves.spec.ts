import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TenantConnectionService } from '../../../src/index.js';
import pg from 'pg';
import { AdminClient } from '../../support/admin/admin-client.js';
import { soon } from '../../support/load/soon.js';
import { asSuperuser, superuserOf } from '../../support/postgres/postgres.js';
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

/** Rows of the catalog, databases and roles of the server, and the objects and rows of the tenants' database, each as it is on disk. */
async function everything(): Promise<unknown[]> {
  const catalog = ['tenants', 'connection_targets', 'servers', 'moves', 'operations', 'audit_log'];
  const rowsOf = (table: string): string => `SELECT '${table}' AS what, xmin, t::text AS row FROM ${table} t`;
  const [target] = await app.database.admin<{ database: string }>('SELECT database FROM connection_targets LIMIT 1');
  const server = `SELECT datname AS what FROM pg_database WHERE datname LIKE '${app.database.name}%' UNION ALL
    SELECT rolname FROM pg_roles WHERE rolname LIKE '${app.database.name}%'`;
  const objects = `SELECT nspname AS what, n.xmin, c.relname AS row, c.xmin AS changed FROM pg_namespace n
    LEFT JOIN pg_class c ON c.relnamespace = n.oid WHERE nspname !~ '^pg_' ORDER BY 1, 3`;
  const found = await Promise.all([
    app.database.admin(catalog.map(rowsOf).join(' UNION ALL ') + ' ORDER BY 1, 3'),
    app.database.admin(`${server} ORDER BY 1`),
    asSuperuser(target!.database, objects),
    asSuperuser(
      target!.database,
      `${rowsOf('shared.customers')} UNION ALL ${rowsOf('tenantry_isolation.keys')} ORDER BY 1, 3`,
    ),
  ]);
  for (const rows of found) expect(rows).not.toEqual([]);
  return found;
}

describe('a move', () => {
  it('is refused without a new place, to the place where the tenant is, and for no tenant', async () => {
    expect((await request('move', {})).body.code).toBe('VALIDATION_FAILED');
    expect((await request('move', { isolation: 'row' })).body.code).toBe('CONFLICT');
    expect((await request('move', { server: 'absent' })).body.code).toBe('NOT_FOUND');
    const nobody = await admin.send('POST', '/tenants/absent/move', { body: { isolation: 'schema' } });
    expect(nobody.body.code).toBe('NOT_FOUND');
    for (const path of ['move/back', 'move/finish']) expect((await request(path)).body.code).toBe('CONFLICT');
  });

  it('is not switched by a worker that another one has replaced', async () => {
    await app.database.admin(`
      CREATE FUNCTION replace_worker() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        NEW.switching := gen_random_uuid();
        RETURN NEW;
      END $$;
      CREATE TRIGGER replace_worker BEFORE UPDATE OF switching ON moves FOR EACH ROW EXECUTE FUNCTION replace_worker()`);
    try {
      const { headers } = await request('move', { isolation: 'schema' });
      expect(await admin.ended(headers.get('location'))).toMatchObject({
        status: 'failed',
        error: { code: 'CONFLICT' },
      });
      await soon(noMove);
      expect((await admin.get('/tenants/acme')).body).toMatchObject({ isolation: 'row', status: 'active' });
      expect((await insert('replaced')).status).toBe(201);
    } finally {
      await app.database.admin('DROP TRIGGER replace_worker ON moves; DROP FUNCTION replace_worker');
      await asSuperuser(`${app.database.name}_shared`, `DELETE FROM shared.customers WHERE name = 'replaced'`);
    }
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
    const { headers } = await request('move', { isolation: 'database', pace: 'full' });
    const location = headers.get('location') ?? '';
    const [operation] = await app.database.admin("SELECT input FROM operations WHERE status IN ('pending', 'running')");
    expect(operation).toMatchObject({ input: { isolation: 'database', pace: 'full' } });
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

describe('the preview of a move', () => {
  const preview = async (body: object): Promise<Json> => {
    const answer = await request('move/preview', body);
    expect([answer.status, answer.text]).toEqual([200, expect.any(String)]);
    return answer.body;
  };

  it('shows what it would do, and changes nothing anywhere', async () => {
    const { database } = (await admin.get('/tenants/acme')).body;
    const [{ rows }] = (await asSuperuser(database, 'SELECT count(*)::int AS rows FROM shared.customers')) as [
      { rows: number },
    ];
    const before = await everything();
    const own = await preview({ isolation: 'database' });
    expect(own).toMatchObject({
      ...{ slug: 'acme', obstacles: [], rows, areBytesEstimated: true },
      from: { isolation: 'row', server: 'default', database, schema: 'shared' },
      to: { isolation: 'database', server: 'default', schema: 'tenant' },
      copy: { estimatedSeconds: expect.any(Number), sampledBytes: expect.any(Number) },
      waiting: { limitMs: 30_000, olderTransactions: [], destinationRoundTripMs: expect.any(Number) },
      connections: [{ server: 'default', needed: 2 }],
    });
    const what = own.creates.map((creation: Json) => [creation.what, creation.name]);
    const { database: name } = own.to;
    expect(what).toEqual([
      ...['login role', 'database'].map((kind) => [kind, name]),
      ...['schema', 'tables'].map((kind) => [kind, 'tenant']),
    ]);
    expect((await request('move/preview', { isolation: 'database', pace: 'half' })).status).toBe(400);
    const schema = await preview({ isolation: 'schema', pace: 'full' });
    expect(schema).toMatchObject({ obstacles: [], to: { database } });
    expect(schema.creates.map((creation: Json) => creation.what)).toEqual(['schema', 'tables']);
    expect(await everything()).toEqual(before);
  });

  it('names what is in its way, and the transactions that it would wait for', async () => {
    expect((await request('move/preview', {})).body.code).toBe('VALIDATION_FAILED');
    expect((await request('move/preview', { server: 'absent' })).body.code).toBe('NOT_FOUND');
    expect((await preview({ isolation: 'row' })).obstacles).toEqual(['the tenant is there already']);
    const { database } = (await admin.get('/tenants/acme')).body;
    const client = new pg.Client(superuserOf(database));
    await client.connect();
    await app.database.admin(`UPDATE tenants SET schema_version = 'Earlier1700000000000' WHERE slug = 'acme'`);
    try {
      await client.query('BEGIN; CREATE TABLE shared.keyless (tenant_id uuid); COMMIT; BEGIN; SELECT 1');
      const { obstacles, waiting } = await preview({ isolation: 'schema' });
      expect(obstacles).toEqual([
        expect.stringMatching(/^its tables are at Earlier1700000000000, .*: migrate first$/),
        expect.stringContaining('permission denied for table keyless'),
        expect.stringContaining('table "keyless" has no primary key'),
      ]);
      expect(waiting.olderTransactions).toEqual([expect.objectContaining({ seconds: expect.any(Number) })]);
    } finally {
      await client.query('ROLLBACK; DROP TABLE IF EXISTS shared.keyless');
      await client.end();
      await app.database.admin(
        `UPDATE tenants SET schema_version = (SELECT name FROM unnest((SELECT names FROM migration_sets LIMIT 1)) name
           ORDER BY right(name, 13) DESC LIMIT 1) WHERE slug = 'acme'`,
      );
    }
  });
});
