// Compares what PostgreSQL needs for conditions whose operators are not leakproof: under the policies, with the remedy, and
// without row-level security; for a tenant with half of 500,000 rows, and where a tenant has its tables or its database to
// itself. Run it with `npm run bench:leakproof`; it takes a quarter of an hour, less with `-- --isolation database`.
// PostgreSQL 15 is measured too where Debian's is installed.
import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { environment, heading } from '../report/environment.mjs';
import { aligned } from '../report/markdown.mjs';
import { saveResults } from '../report/save-results.mjs';
import { CleanupStack } from '../harness/cleanup-stack.mjs';
import { Postgres } from '../harness/postgres.mjs';
import { DEBIAN, startDebian } from './debian-postgres.mjs';
import { conditions } from './leakproof-conditions.mjs';
import { ISOLATIONS, makeDatabases } from './leakproof-tables.mjs';

const { values } = parseArgs({ options: { isolation: { type: 'string', multiple: true, default: ISOLATIONS } } });
const ROUNDS = 9;
const STATES = ['policy', 'remedy', 'none'];

const cleanup = new CleanupStack();
try {
  const versions = {};
  const sections = [];
  const data = [];
  const servers = [() => Postgres.start(cleanup), ...(existsSync(DEBIAN) ? [() => startDebian(cleanup)] : [])];
  for (const start of servers) {
    const postgres = await start();
    const major = postgres.version.split('.')[0];
    versions[`PostgreSQL ${major}`] = postgres.version;
    for (const place of await makeDatabases(postgres, cleanup, values.isolation)) {
      const measured = [];
      for (const condition of conditions()) measured.push(await measure(place, condition));
      data.push({ major, place: place.name, measured });
      const section = [`## PostgreSQL ${major}, ${place.name}`, '', ...table(measured), ''].join('\n');
      sections.push(section);
      console.log(section);
    }
  }
  const isWhole = values.isolation.length === ISOLATIONS.length;
  const name = isWhole ? 'leakproof' : ['leakproof', ...values.isolation].join('-');
  const facts = await environment(versions, {});
  const notes = ['', `Medians of ${ROUNDS} interleaved rounds of planning and execution, in ms.`];
  const text = [heading('Conditions under policies', { ...facts, date: facts.date.slice(0, 10) }, notes), ...sections]
    .join('\n')
    .trimEnd();
  console.log(`\nSaved to ${await saveResults(name, text, { ...facts, data })}`);
} finally {
  await cleanup.run();
}

/** Times a condition in the three states, in turn. */
async function measure({ clients, tenant }, { name, condition, instead = condition }) {
  const own = `tenant_id = '${tenant}' AND`;
  const texts = { policy: condition, remedy: instead, none: `${own} ${condition}` };
  const times = { policy: [], remedy: [], none: [] };
  const rows = {};
  const plans = {};
  for (let round = 0; round <= ROUNDS; round++) {
    for (const state of round % 2 === 0 ? STATES : STATES.toReversed()) {
      const answer = await clients[state].query(
        `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) SELECT * FROM documents WHERE ${texts[state]}`,
      );
      const [{ Plan: plan, 'Planning Time': planning, 'Execution Time': execution }] = answer.rows[0]['QUERY PLAN'];
      if (round > 0) times[state].push(planning + execution); // the first reads the pages
      rows[state] = plan['Actual Rows'];
      plans[state] = plan;
    }
  }
  if (new Set(Object.values(rows)).size > 1) throw new Error(`${name} returns other rows: ${JSON.stringify(rows)}`);
  const [policy, remedy, none] = STATES.map((state) => median(times[state]));
  return { name, rows: rows.none, policy, remedy, none };
}

function table(measured) {
  const head = ['condition', 'rows', 'policy, ms', 'remedy, ms', 'no policy, ms', 'none : policy', 'none : remedy'];
  const lines = measured.map(({ name, rows, policy, remedy, none }) => [
    ...[name, String(rows)],
    ...[policy, remedy, none].map((ms) => ms.toFixed(2)),
    ...[none / policy, none / remedy].map((ratio) => ratio.toPrecision(2)),
  ]);
  return aligned([head, ...lines]);
}

function median(values) {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)];
}
