import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import { PlacementFacts } from '../../../src/admin/placement/placement-facts.js';
import { chooseServer } from '../../../src/admin/placement/server-choice.js';
import { CATALOG } from '../../../src/catalog/catalog-data-source.js';
import { AdminClient } from '../../support/admin/admin-client.js';
import { TestApp } from '../../support/test-app.js';

const SERVERS = 100;
const TENANTS = 50_000;
const LONGEST_MS = 10 * 60_000;
const TRIES = 25;

/** As many tenants on each server, every hundredth without a place yet; sizes and a day's usage of all of them. */
const FLEET = [
  `INSERT INTO servers (name, host, port, owner_role, owner_password_sealed, max_connections, max_tenants, labels)
   SELECT 's' || n, '127.0.0.1', 1, 'nobody', 'sealed', 50 + n, 2000, jsonb_build_object('region', (ARRAY['eu', 'us'])[1 + n % 2])
   FROM generate_series(1, ${SERVERS - 1}) n`,
  `INSERT INTO connection_targets (server_id, kind, database, role, password_sealed)
   SELECT id, 'shared', 'shared', 'shared', 'sealed' FROM servers WHERE name <> 'default'`,
  'ALTER TABLE tenants DISABLE TRIGGER USER',
  `INSERT INTO tenants (slug, isolation, status, target_id, schema_name, schema_version, planned_server_id)
   SELECT 't' || n, 'row', CASE WHEN n % 100 > 0 THEN 'active' ELSE 'provisioning' END, CASE WHEN n % 100 > 0 THEN c.id END, 'shared', 'V1',
          c.server_id
   FROM generate_series(1, ${TENANTS}) n
     JOIN (SELECT id, server_id, row_number() OVER (ORDER BY server_id) AS number FROM connection_targets) c
       ON c.number = 1 + n % ${SERVERS - 1}`,
  'ALTER TABLE tenants ENABLE TRIGGER USER',
  `INSERT INTO stored_sizes SELECT id, (random() * 1e8)::bigint, 1000, false, now(), 0 FROM tenants`,
  `INSERT INTO usage_hours (hour, tenant_id, requests, runs, errors, duration_ms, statements, wait_ms, database_ms, rows_read, rows_written)
   SELECT date_trunc('hour', now()) - h * interval '1 hour', t.id, 10, 0, 0, 100, 20, 1, random() * 1000, 10, 10
   FROM generate_series(0, 47) h, tenants t ORDER BY h DESC`,
  'ANALYZE servers, connection_targets, tenants, stored_sizes, usage_hours',
];

let app: TestApp;
let admin: AdminClient;

beforeAll(async () => {
  app = await TestApp.start();
  admin = new AdminClient(app);
  for (const statement of FLEET) await app.database.admin(statement);
}, LONGEST_MS);
afterAll(async () => app.dispose());

async function medianMs(work: () => Promise<unknown>, tries = TRIES): Promise<number> {
  const times: number[] = [];
  for (let n = 0; n < tries; n += 1) {
    const startedAt = performance.now();
    await work();
    times.push(performance.now() - startedAt);
  }
  return times.toSorted((a, b) => a - b)[Math.floor(tries / 2)]!;
}

it(
  'among 100 servers with 50,000 tenants, a server is chosen in a moment',
  async () => {
    const { nest } = app.application;
    const { manager } = nest.get<DataSource>(CATALOG);
    const facts = new PlacementFacts();
    let moves = 0;
    const cold = await medianMs(() => facts.servers(manager, 0), 5);
    const warm = await medianMs(() => facts.servers(manager));
    const servers = await facts.servers(manager);
    const choice = await medianMs(async () => chooseServer(servers, { labels: { region: 'eu' }, bytes: 0 }));
    const rebalance = await medianMs(async () => {
      const { status, body } = await admin.get('/rebalance?goal=1.1&maxMoves=1000');
      expect([status, body.moves.length > 10, body.fullest.after < body.fullest.before]).toEqual([200, true, true]);
      moves = body.moves.length;
    }, 3);
    let count = 0;
    const create = async (options: object): Promise<void> => {
      const body = { slug: `large-${(count += 1)}`, isolation: 'row', ...options };
      expect((await admin.send('POST', '/tenants', { body })).status).toBe(202);
    };
    const byRule = await medianMs(() => create({ placement: { region: 'eu' } }));
    const asked = await medianMs(() => create({ server: 's1' }));
    const list = await medianMs(() => admin.get('/servers'));
    process.stderr.write(
      `${SERVERS} servers, ${TENANTS} tenants, medians: facts ${warm.toFixed(0)} ms (with times, every five minutes, ` +
        `${cold.toFixed(0)} ms), choice ${choice.toFixed(2)} ms; a creation by labels ${byRule.toFixed(0)} ms, ` +
        `on a named server ${asked.toFixed(0)} ms; GET /servers ${list.toFixed(0)} ms; ${moves} moves proposed in ${rebalance.toFixed(0)} ms\n`,
    );
    expect(servers).toHaveLength(SERVERS);
    expect(servers.reduce((sum, { tenants }) => sum + tenants, 0)).toBe(TENANTS);
    const created = await app.database.admin<{ labels: { region: string } }>(
      `SELECT s.labels FROM tenants t JOIN servers s ON s.id = t.planned_server_id WHERE t.placement_labels IS NOT NULL`,
    );
    expect(created).toHaveLength(TRIES);
    expect(new Set(created.map(({ labels }) => labels.region))).toEqual(new Set(['eu']));
  },
  LONGEST_MS,
);
