// Compares what PostgreSQL needs for the same statements under no policy, the policy of former releases and signed stamps,
// in one interleaved run of about two minutes: 1,000 tenants, one of which owns half of all rows. Run it with
// `npm run bench:policies`. It prints medians of execution times, the estimates and the kinds of plan.
import { randomUUID } from 'node:crypto';
import { ensureKey } from '../../dist/database/isolation/installed-keys.js';
import { installIsolationFunctions } from '../../dist/database/isolation/isolation-functions.js';
import { proofOf } from '../../dist/database/isolation/stamp-key.js';
import { createPoliciesSql } from '../../dist/database/isolation/tenant-policies.js';
import { CleanupStack } from '../harness/cleanup-stack.mjs';
import { Postgres } from '../harness/postgres.mjs';

const TENANTS = 1_000;
const ORDERS_OF_MOST = 250;
const ROUNDS = 25;
const FORMER = `tenant_id = nullif(current_setting('app.tenant_id', true), '')::uuid`;
const SCHEMAS = ['plain', 'former', 'signed'];

const cleanup = new CleanupStack();
try {
  const postgres = await Postgres.start(cleanup);
  const owner = await postgres.connect();
  cleanup.add(() => owner.end());
  const { big, small } = await makeTables(owner);
  await installIsolationFunctions(owner, 'refused');
  const key = await ensureKey(owner);
  await protect(owner);
  await owner.query(`CREATE ROLE reader; GRANT USAGE ON SCHEMA ${SCHEMAS.join(', ')} TO reader`);
  for (const schema of SCHEMAS) await owner.query(`GRANT SELECT ON ALL TABLES IN SCHEMA ${schema} TO reader`);
  await owner.query('VACUUM ANALYZE');
  await owner.query('SET ROLE reader');
  for (const [name, tenant] of Object.entries({ 'with half of the rows': big, 'with 250 orders': small })) {
    console.log(`\nA tenant ${name}\n`);
    console.log(
      '| statement | signed : former | signed, ms | former, ms | no policy, ms | rows | estimated: former, signed | plan: former | plan: signed |',
    );
    console.log('| --- | --- | --- | --- | --- | --- | --- | --- | --- |');
    for (const [title, text] of Object.entries(statements(tenant))) {
      console.log(await measured(owner, title, text, { tenant, proof: proofOf(key, tenant.id) }));
    }
  }
} finally {
  await cleanup.run();
}

/** The tables of the sample application, as far as the statements need them. */
async function makeTables(owner) {
  const [big, small] = [{ id: randomUUID() }, { id: randomUUID() }];
  const most = (TENANTS - 1) * ORDERS_OF_MOST; // so that the first tenant has as many as all others
  await owner.query('CREATE SCHEMA plain');
  await owner.query(`
    CREATE TABLE plain.tenants AS SELECT n, CASE n WHEN 0 THEN '${big.id}'::uuid WHEN 1 THEN '${small.id}' ELSE gen_random_uuid() END AS id
      FROM generate_series(0, ${TENANTS - 1}) n;
    CREATE TABLE plain.orders AS
      SELECT t.id AS tenant_id, gen_random_uuid() AS id, o AS number, CASE WHEN random() < 0.1 THEN 'draft' ELSE 'paid' END AS status,
             timestamptz '2026-01-01Z' + o * interval '1 minute' AS created_at, (random() * 1e5)::bigint AS total
      FROM plain.tenants t, generate_series(1, ${most}) o WHERE t.n = 0 OR o <= ${ORDERS_OF_MOST};
    CREATE TABLE plain.order_lines AS
      SELECT tenant_id, id AS order_id, p AS position, 'Item ' || p AS description FROM plain.orders, generate_series(0, 1) p`);
  for (const schema of SCHEMAS) await addIndexes(owner, schema);
  const { rows } = await owner.query(
    `SELECT DISTINCT ON (tenant_id) tenant_id, id FROM plain.orders WHERE tenant_id IN ($1, $2) ORDER BY tenant_id, number DESC`,
    [big.id, small.id],
  );
  for (const tenant of [big, small]) tenant.order = rows.find(({ tenant_id }) => tenant_id === tenant.id).id;
  return { big, small };
}

async function addIndexes(owner, schema) {
  if (schema !== 'plain') {
    await owner.query(`CREATE SCHEMA ${schema}; CREATE TABLE ${schema}.orders AS TABLE plain.orders;
      CREATE TABLE ${schema}.order_lines AS TABLE plain.order_lines`);
  }
  await owner.query(`
    ALTER TABLE ${schema}.orders ADD PRIMARY KEY (tenant_id, id);
    CREATE INDEX ON ${schema}.orders (tenant_id, created_at, id);
    ALTER TABLE ${schema}.order_lines ADD PRIMARY KEY (tenant_id, order_id, position)`);
}

async function protect(owner) {
  for (const table of ['orders', 'order_lines']) {
    await owner.query(`ALTER TABLE former.${table} ENABLE ROW LEVEL SECURITY;
      CREATE POLICY tenant_isolation ON former.${table} USING (${FORMER});
      ALTER TABLE signed.${table} ENABLE ROW LEVEL SECURITY; ${createPoliciesSql(`signed.${table}`).join(';')}`);
  }
}

/** As TypeORM sends them. `own(alias)` is the condition that takes the place of a policy. */
function statements({ order }) {
  return {
    'an order with its lines': (own) =>
      `SELECT * FROM orders o LEFT JOIN order_lines l ON l.order_id = o.id ${own('l', 'AND')} WHERE o.id = '${order}' ${own('o', 'AND')}`,
    'the newest 20 orders': (own) =>
      `SELECT * FROM orders o ${own('o', 'WHERE')} ORDER BY created_at DESC, id DESC LIMIT 20`,
    'those with their lines': (own) =>
      `SELECT * FROM orders o LEFT JOIN order_lines l ON l.order_id = o.id ${own('l', 'AND')}
       WHERE o.id IN (SELECT id FROM orders p ${own('p', 'WHERE')} ORDER BY created_at DESC, id DESC LIMIT 20) ${own('o', 'AND')}`,
    'counts by status': (own) =>
      `SELECT status, count(*), sum(total) FROM orders o ${own('o', 'WHERE')} GROUP BY status`,
    'all orders joined with their lines': (own) =>
      `SELECT count(*) FROM orders o JOIN order_lines l ON l.order_id = o.id ${own('l', 'AND')} ${own('o', 'WHERE')}`,
  };
}

async function measured(client, title, text, { tenant, proof }) {
  const own = (alias, word) => `${word} ${alias}.tenant_id = '${tenant.id}'`;
  const texts = { plain: text(own), former: text(() => ''), signed: text(() => '') };
  const times = { plain: [], former: [], signed: [] };
  const plans = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const schema of round % 2 === 0 ? SCHEMAS : SCHEMAS.toReversed()) {
      await client.query(
        `SELECT set_config('app.tenant_id', $1, false), set_config('app.tenant_proof', $2, false),
        set_config('search_path', $3, false)`,
        [tenant.id, proof, `${schema}, pg_temp`],
      );
      const { rows } = await client.query(`EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${texts[schema]}`);
      const [{ Plan: plan, 'Planning Time': planning, 'Execution Time': execution }] = rows[0]['QUERY PLAN'];
      times[schema].push(planning + execution);
      plans[schema] = plan;
    }
  }
  const [plain, former, signed] = SCHEMAS.map((schema) => median(times[schema]));
  const cells = [title, `${(signed / former).toFixed(2)} x`, ...[signed, former, plain].map((ms) => ms.toFixed(3))];
  cells.push(
    plans.signed['Actual Rows'],
    `${rowsOf(plans.former)}, ${rowsOf(plans.signed)}`,
    shape(plans.former),
    shape(plans.signed),
  );
  return `| ${cells.join(' | ')} |`;
}

/** Rows that the lowest node is estimated to return: what the planner believes that the tenant owns. */
function rowsOf(plan) {
  const child = mainChild(plan);
  return child ? rowsOf(child) : plan['Plan Rows'];
}

/** The kinds of nodes from the top to the first table. */
function shape(plan) {
  const child = mainChild(plan);
  return child ? `${plan['Node Type']} > ${shape(child)}` : plan['Node Type'];
}

function mainChild({ Plans: plans = [] }) {
  return plans.find(
    (child) => child['Parent Relationship'] !== 'InitPlan' && child['Parent Relationship'] !== 'SubPlan',
  );
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
