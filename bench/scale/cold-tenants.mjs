import http from 'node:http';
import pg from 'pg';
import { apiKeyOf, orderIdOf, slugOf } from '../fixtures/names.mjs';

/** Reads an order and its lines as the application does. */
const READ = `
  SELECT o.*, l.position, l.description, l.quantity, l.unit_price
  FROM tenant.orders o LEFT JOIN tenant.order_lines l ON l.tenant_id = o.tenant_id AND l.order_id = o.id
  WHERE o.id = $1 ORDER BY l.position`;

/** Untimed requests sent first, as tenants that are not timed. */
const WARM_UP = 200;

/**
 * Times a tenant's first request to a running application: nothing of the tenant is cached, and a tenant with its own
 * database has no connection yet. For comparison, times node-postgres connecting to such a database and reading the
 * same order, without a tenant, a framework, or HTTP. It uses a different database, because a second client would find
 * the system catalogs of the first one's in the server's memory. One request at a time, in turn.
 */
export async function coldTenants(bench, { cold, orders }) {
  const program = await bench.startOurs({ DB_POOL_SIZE: '4', DB_MAX_OVERFLOW: '2' });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const rows = await targets(bench);
    for (let n = 0; n < WARM_UP; n++) await request(program, agent, 'row', 0, orders);
    await request(program, agent, 'database', 0, orders);
    const client = await connectAs(bench, rows[0]);
    await client.end();
    const times = { shared: [], own: [], bare: [] };
    for (let n = 1; n + 1 < cold; n += 2) {
      const turns = [
        async () => times.shared.push(await request(program, agent, 'row', n, orders)),
        async () => times.own.push(await request(program, agent, 'database', n, orders)),
        async () => times.bare.push(await bareRead(bench, rows[n + 1], orderIdOf('database', n + 1, orders - 1))),
      ];
      for (let turn = 0; turn < turns.length; turn++) await turns[(n + turn) % turns.length]();
    }
    return [
      summary('on a shared target', times.shared),
      summary('on its own database', times.own),
      summary('bare pg: connect and query', times.bare),
    ];
  } finally {
    agent.destroy();
    await program.stop();
  }
}

async function request({ name, url }, agent, group, tenant, orders) {
  const headers = { authorization: `Bearer ${apiKeyOf(group, tenant).token}` };
  const started = performance.now();
  const status = await new Promise((resolve, reject) => {
    const sent = http.get(
      `${url}/api/v1/orders/${orderIdOf(group, tenant, orders - 1)}`,
      { headers, agent },
      (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode));
      },
    );
    sent.once('error', reject);
  });
  if (status !== 200) throw new Error(`${name} answered ${slugOf(group, tenant)} with ${status}`);
  return performance.now() - started;
}

async function bareRead(bench, target, id) {
  const started = performance.now();
  const client = await connectAs(bench, target);
  await client.query(READ, [id]);
  const ms = performance.now() - started;
  await client.end();
  return ms;
}

/** Connects as a superuser with a password: SCRAM, like the application's connections. */
async function connectAs({ postgres }, { database }) {
  const client = new pg.Client({ connectionString: postgres.urlOf({ database }) });
  await client.connect();
  return client;
}

/** The databases of the database tenants, in the order of the tenants' numbers. */
async function targets({ postgres }) {
  const { rows } = await postgres.client.query(
    `SELECT c.database FROM tenants t JOIN connection_targets c ON c.id = t.target_id
     WHERE t.isolation = 'database' ORDER BY substr(t.slug, 10)::int`,
  );
  return rows;
}

function summary(name, times) {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (share) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))];
  return { name, count: sorted.length, p50: at(0.5), p90: at(0.9), worst: sorted.at(-1) };
}
