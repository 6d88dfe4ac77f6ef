import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { AdminClient } from '../../../support/admin/admin-client.js';
import { soon } from '../../../support/load/soon.js';
import { registerServer } from '../../../support/postgres/other-server.js';
import { testServer } from '../../../support/postgres/postgres.js';
import { TestApp } from '../../../support/test-app.js';

let app: TestApp;
let admin: AdminClient;

/** Nothing answers at the other servers: a move there is requested, and goes no further. */
beforeAll(async () => {
  app = await TestApp.start();
  admin = new AdminClient(app);
  for (const name of ['eu-1', 'us-1']) {
    await registerServer(app, name, { ...testServer(), port: 1 });
    const body = { labels: { region: name.slice(0, 2) }, maxConnections: 50 };
    expect((await admin.send('PATCH', `/servers/${name}`, { body })).status).toBe(200);
  }
});

afterAll(async () => app.dispose());

it('a server is emptied to where its tenants want to be', async () => {
  const { slug } = await admin.create('wishing', 'row');
  await admin.send('PATCH', `/tenants/${slug}`, { body: { placement: { region: 'us' } } });
  expect((await admin.send('POST', '/servers/default/drain')).status).toBe(200);
  const requested = await admin.send('POST', '/operations', { body: { kind: 'empty-server', server: 'default' } });
  expect(requested.status).toBe(202);
  await soon(async () => {
    const moves = await app.database.admin(
      `SELECT s.name FROM operations o JOIN tenants t ON t.id = o.tenant_id JOIN servers s ON s.id::text = o.input ->> 'serverId'
       WHERE o.kind = 'move' AND t.slug = $1`,
      [slug],
    );
    expect(moves).toEqual([{ name: 'us-1' }]);
  });
});
