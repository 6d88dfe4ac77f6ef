import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { AdminClient } from '../../support/admin/admin-client.js';
import { soon } from '../../support/load/soon.js';
import { registerServer } from '../../support/postgres/other-server.js';
import { testServer } from '../../support/postgres/postgres.js';
import { type Json, TestApp } from '../../support/test-app.js';

let app: TestApp;
let admin: AdminClient;
let rebalance: string;

/** Nothing answers at the other server: what a move and its end do there is done in the catalog alone. */
beforeEach(async () => {
  app = await TestApp.start();
  admin = new AdminClient(app);
  await registerServer(app, 'eu-1', { ...testServer(), port: 1 });
  await change('/servers/eu-1', { labels: { tier: 'gold' } });
  await admin.create('acme', 'row');
  await change('/tenants/acme', { placement: { tier: 'gold' } });
  const body = { kind: 'rebalance', goal: 100 };
  rebalance = `/operations/${(await admin.send('POST', '/operations', { body })).body.id}`;
});

afterEach(async () => app.dispose());

async function change(path: string, body: Json): Promise<void> {
  expect((await admin.send('PATCH', path, { body })).status).toBe(200);
}

/** Of operations on the tenant, oldest first: what it does, and whether it has ended. */
function operations(): Promise<{ readonly kind: string; readonly status: string }[]> {
  return app.database.admin(
    `SELECT kind, CASE status WHEN 'running' THEN 'pending' ELSE status END AS status FROM operations
     WHERE tenant_id IS NOT NULL AND kind LIKE 'move%' ORDER BY created_at`,
  );
}

/** Ends the attempts of an operation that waits for the server. */
async function end(kind: string, status: string, finishedSteps: readonly string[] = []): Promise<void> {
  await soon(async () => {
    const ended = await app.database.admin(
      `UPDATE operations SET status = $2, finished_steps = finished_steps || $3::text[], finished_at = now()
       WHERE kind = $1 AND status = 'pending' AND attempts > 0 RETURNING id`,
      [kind, status, finishedSteps],
    );
    expect(ended).toHaveLength(1);
  });
}

/** As the switch of a move leaves the tenant, and as its way back does. */
async function serveAt(place: 'to' | 'from'): Promise<void> {
  await soon(async () => expect(await app.database.admin('SELECT FROM moves')).toHaveLength(1));
  await app.database.admin(
    `UPDATE tenants t SET target_id = m.${place}_target_id, schema_name = m.${place}_schema FROM moves m WHERE m.tenant_id = t.id`,
  );
  await app.database.admin(place === 'to' ? `UPDATE moves SET state = 'moved', moved_at = now()` : 'DELETE FROM moves');
}

async function failAfterSwitch(): Promise<void> {
  await serveAt('to');
  const steps = ['choose-place', 'prepare-place', 'note-changes', 'copy', 'catch-up', 'switch'];
  await end('move', 'failed', steps);
  expect(await admin.ended(rebalance)).toMatchObject({ status: 'failed', result: { moved: 0, left: [{}] } });
}

async function retry(): Promise<void> {
  expect((await admin.send('POST', `${rebalance}/retry`)).status).toBe(202);
}

it('a rebalance that is retried tries the end of a move again that has failed', async () => {
  await serveAt('to');
  await end('move', 'succeeded');
  await end('move-finish', 'failed');
  expect(await admin.ended(rebalance)).toMatchObject({ status: 'failed', result: { moved: 0, left: [{}] } });
  await retry();
  await soon(async () =>
    expect(await operations()).toEqual([
      { kind: 'move', status: 'succeeded' },
      { kind: 'move-finish', status: 'pending' },
    ]),
  );
  await app.database.admin('DELETE FROM moves');
  expect(await admin.ended(rebalance)).toMatchObject({ status: 'succeeded', result: { moved: 1, left: [] } });
});

it('a rebalance that is retried tries a move again that failed after its switch, and then ends it', async () => {
  await failAfterSwitch();
  await retry();
  await soon(async () =>
    expect(await operations()).toEqual([
      { kind: 'move', status: 'succeeded' },
      { kind: 'move-finish', status: 'pending' },
    ]),
  );
});

it('a rebalance that is retried moves no tenant again that was moved back after its move had failed', async () => {
  await failAfterSwitch();
  await serveAt('from');
  await retry();
  expect(await admin.ended(rebalance)).toMatchObject({ status: 'succeeded', result: { moved: 0, left: [] } });
  expect(await operations()).toEqual([{ kind: 'move', status: 'failed' }]);
});
