import { compare } from '../harness/compare.mjs';
import { touch } from '../harness/touch.mjs';

const WARM_UP = 200;

/**
 * Memory after garbage collection once so many tenants have each made a request, and the time from the spawn to the first
 * accepted connection with so many row tenants in the catalog (median). A process of its own for each count. From the
 * largest to the smallest: who is too many is deleted from the catalog, for good.
 */
export async function growth(bench, { tenants, starts, orders }) {
  const rows = [];
  for (const count of tenants.toSorted((a, b) => b - a)) {
    await keepTenants(bench, count);
    const startMs = median(await startTimes(bench, starts));
    const program = await bench.startOurs();
    try {
      // Code is compiled and pools are open before memory is looked at.
      await touch(program, { tenants: Math.min(...tenants), orders, times: WARM_UP });
      const before = await program.ask('memory');
      await touch(program, { tenants: count, orders });
      const after = await program.ask('memory');
      const further = count - Math.min(...tenants);
      const { rss } = after;
      rows.unshift({
        ...{ tenants: count, startMs, heapMb: after.heapUsed / 2 ** 20, rssMb: rss / 2 ** 20 },
        bytesPerTenant: further > 0 ? (held(after) - held(before)) / further : Number.NaN,
        connections: await connectionsOf(bench),
      });
    } finally {
      await program.stop();
    }
  }
  return rows;
}

/** The same load, spread over few tenants and over many, in turn. One process for each count. */
export async function latency(bench, { tenants, callers, rounds, seconds, orders }) {
  const rows = [];
  const few = Math.min(...tenants);
  const many = Math.max(...tenants);
  const entries = [];
  try {
    for (const count of [few, many]) entries.push({ count, program: await bench.startOurs() });
    for (const { program, count } of entries) await touch(program, { tenants: count, orders });
    for (const work of ['read', 'mix']) {
      const contestants = entries.map(({ program, count }) => ({ program, requests: { tenants: count } }));
      const requests = { work, group: 'row', orders, choice: 'uniform' };
      const how = { callers, rounds, seconds, warmUpSeconds: seconds * 2 };
      const results = await compare(bench, { contestants, requests, ...how });
      results.forEach((result, n) => rows.push({ ...result, tenants: entries[n].count, work }));
    }
  } finally {
    for (const { program } of entries) await program.stop();
  }
  return rows;
}

/** How many the application has: for its tenants, and for its catalog, whose owner the catalog's role is. */
async function connectionsOf({ postgres }) {
  const counts = { tenants: 0, catalog: 0 };
  for (const { role, count } of await postgres.connections()) {
    counts[role === 'tenantry' ? 'catalog' : 'tenants'] += count;
  }
  return counts;
}

/** Heap, and what lies beside it: buffers count, too. */
function held({ heapUsed, external }) {
  return heapUsed + external;
}

async function keepTenants({ postgres: { client } }, count) {
  await client.query(`DELETE FROM tenants WHERE isolation = 'row' AND substr(slug, 5)::int >= $1`, [count]);
  await client.query('VACUUM ANALYZE');
}

async function startTimes(bench, starts) {
  const times = [];
  for (let n = 0; n < starts; n++) {
    const program = await bench.startOurs();
    times.push(program.startMs);
    await program.stop();
  }
  return times;
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
