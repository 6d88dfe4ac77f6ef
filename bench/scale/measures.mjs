import { compare } from '../harness/compare.mjs';
import { touch } from '../harness/touch.mjs';

const WARM_UP = 200;

/**
 * For each number of row tenants: memory after garbage collection once each tenant has made a request, and the median
 * time from the spawn to the first accepted connection. Each count gets a new process. Runs from the largest count to
 * the smallest, and deletes the surplus tenants from the catalog permanently.
 */
export async function growth(bench, { tenants, starts, orders }) {
  const rows = [];
  for (const count of tenants.toSorted((a, b) => b - a)) {
    await deleteTenantsBeyond(bench, count);
    const startMs = median(await startTimes(bench, starts));
    const program = await bench.startOurs();
    try {
      // Compile code and open pools before memory is measured.
      await touch(program, { tenants: Math.min(...tenants), orders, times: WARM_UP });
      const before = await program.call('memory');
      await touch(program, { tenants: count, orders });
      const after = await program.call('memory');
      const additional = count - Math.min(...tenants);
      rows.unshift({
        tenants: count,
        startMs,
        heapMb: after.heapUsed / 2 ** 20,
        rssMb: after.rss / 2 ** 20,
        bytesPerTenant: additional > 0 ? (retainedBytes(after) - retainedBytes(before)) / additional : Number.NaN,
        connections: await connectionsOf(bench),
      });
    } finally {
      await program.stop();
    }
  }
  return rows;
}

/** Sends the same load over few tenants and over many, in turn, to one process for each count. */
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
      const warmUpSeconds = seconds * 2;
      const results = await compare(bench, { contestants, requests, callers, rounds, seconds, warmUpSeconds });
      results.forEach((result, n) => rows.push({ ...result, tenants: entries[n].count, work }));
    }
  } finally {
    for (const { program } of entries) await program.stop();
  }
  return rows;
}

/** The application's connections for its tenants, and for its catalog, which it accesses with the role `tenantry`. */
async function connectionsOf({ postgres }) {
  const counts = { tenants: 0, catalog: 0 };
  for (const { role, count } of await postgres.connections()) {
    counts[role === 'tenantry' ? 'catalog' : 'tenants'] += count;
  }
  return counts;
}

/** Heap and external memory, which includes buffers. */
function retainedBytes({ heapUsed, external }) {
  return heapUsed + external;
}

async function deleteTenantsBeyond({ postgres: { client } }, count) {
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
