import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { AdminClient } from '../../../support/admin/admin-client.js';
import { soon } from '../../../support/load/soon.js';
import { registerServer } from '../../../support/postgres/other-server.js';
import { testServer } from '../../../support/postgres/postgres.js';
import { type Json, TestApp } from '../../../support/test-app.js';

const TENANTS = 12;

let app: TestApp;
let admin: AdminClient;

/** Nothing answers at the other servers: a move there is requested, and goes no further. */
beforeAll(async () => {
  app = await TestApp.start();
  admin = new AdminClient(app);
  for (const name of ['eu-1', 'eu-2']) await registerServer(app, name, { ...testServer(), port: 1 });
  for (const name of ['default', 'eu-1', 'eu-2']) await change(`/servers/${name}`, { maxConnections: 50 });
  await change('/servers/eu-1', { labels: { tier: 'gold' } });
  const tenants = Array.from({ length: TENANTS }, (_, n) => ({ slug: `t-${10 + n}`, isolation: 'row' }));
  const created = await admin.send('POST', '/tenants/bulk', { body: { tenants } });
  expect(await admin.ended(created.headers.get('location'))).toMatchObject({ status: 'succeeded' });
  for (const slug of ['t-10', 't-11']) await change(`/tenants/${slug}`, { placement: { tier: 'gold' } });
});

afterAll(async () => app.dispose());

async function change(path: string, body: Json): Promise<void> {
  expect((await admin.send('PATCH', path, { body })).status).toBe(200);
}

/** As a move by hand leaves the tenant. */
async function bring(slug: string, server: string): Promise<void> {
  await app.database.admin(
    `WITH target AS (
       INSERT INTO connection_targets (server_id, kind, database, role, password_sealed)
       SELECT id, 'dedicated', 'by_hand', 'by_hand', 'sealed' FROM servers WHERE name = $2 RETURNING id)
     UPDATE tenants SET target_id = target.id FROM target WHERE slug = $1`,
    [slug, server],
  );
}

async function requestedMoves(): Promise<string[]> {
  const rows = await app.database.admin<{ slug: string }>(
    `SELECT t.slug FROM operations o JOIN tenants t ON t.id = o.tenant_id WHERE o.kind = 'move' ORDER BY o.created_at`,
  );
  return rows.map(({ slug }) => slug);
}

it('moves that operators have made obsolete are skipped with their reasons, and no tenant is moved twice', async () => {
  const { moves } = (await admin.get('/rebalance?goal=1')).body;
  expect(moves.slice(0, 2)).toMatchObject([
    { tenant: 't-10', to: 'eu-1' },
    { tenant: 't-11', to: 'eu-1' },
  ]);
  const goingTo = (server: string): string[] =>
    moves.slice(2).flatMap((move: Json) => (move.to === server ? [move.tenant] : []));
  const [byHand, suspended, ...others] = goingTo('eu-1');
  const drained = goingTo('eu-2');
  expect(drained.length).toBeGreaterThan(2);

  const body = { kind: 'rebalance', goal: 1, atOnce: 1 };
  const { id } = (await admin.send('POST', '/operations', { body })).body;
  await soon(async () => expect(await requestedMoves()).toEqual(['t-10']));
  await change('/servers/default', { labels: { tier: 'gold' } });
  await bring(byHand!, 'eu-2');
  await app.database.admin(`UPDATE tenants SET status = 'suspended' WHERE slug = $1`, [suspended]);
  for (const slug of others) await change(`/tenants/${slug}`, { placement: { tier: 'silver' } });
  expect((await admin.send('POST', '/servers/eu-2/drain')).status).toBe(200);

  // The first one has been moved, and was moved back before the end of its move is requested.
  await soon(async () => {
    const rows = await app.database.admin(
      `UPDATE operations SET status = 'succeeded', finished_at = now() WHERE kind = 'move' AND status = 'pending' AND attempts > 0 RETURNING id`,
    );
    expect(rows).toHaveLength(1);
  });
  await app.database.admin('DELETE FROM moves');
  const skipped = [
    { slug: 't-11', reason: 'default has the labels that it wants' },
    { slug: byHand, reason: 'it is on eu-2 now' },
    { slug: suspended, reason: 'it is suspended' },
    ...others.map((slug) => ({ slug, reason: 'the server eu-1 lacks tier=silver, which the tenant wants' })),
    ...drained.map((slug) => ({ slug, reason: 'the server eu-2 is draining: it accepts no tenants' })),
  ];
  const ended = await admin.ended(`/operations/${id}`);
  expect(ended).toMatchObject({ status: 'failed', error: { code: 'REBALANCE_INCOMPLETE' } });
  expect(ended.result).toMatchObject({ moved: 0, left: [{ slug: 't-10' }], skipped: expect.any(Array) });
  const bySlug = (a: Json, b: Json): number => (a.slug < b.slug ? -1 : 1);
  expect(ended.result.skipped.toSorted(bySlug)).toEqual(skipped.toSorted(bySlug));

  // Nothing keeps the first one from being moved but that it was.
  await change('/servers/default', { labels: {} });
  await change('/tenants/t-11', { placement: { tier: 'silver' } });
  expect((await admin.send('POST', `/operations/${id}/retry`)).status).toBe(202);
  expect(await admin.ended(`/operations/${id}`)).toMatchObject({ status: 'succeeded', result: { left: [] } });
  expect(await requestedMoves()).toEqual(['t-10']);
});
