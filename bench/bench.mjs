// Compares the application with other implementations of the same API, in one interleaved run with its own PostgreSQL.
// Run it with `npm run bench`. Options: comparison/options.mjs. What is fair about it and what is not: bench/README.md.
import { Logger } from '@nestjs/common';
import { checkAims } from './comparison/aims.mjs';
import { Bench } from './harness/bench.mjs';
import { check } from './harness/check.mjs';
import { CleanupStack } from './harness/cleanup-stack.mjs';
import { compare } from './harness/compare.mjs';
import { SETTINGS, settingsNote } from './harness/postgres.mjs';
import { touch } from './harness/touch.mjs';
import { readOptions } from './comparison/options.mjs';
import { planOf } from './comparison/plan.mjs';
import { profileOurs } from './comparison/profile-run.mjs';
import { environment, heading } from './report/environment.mjs';
import { saveResults } from './report/save-results.mjs';
import { aimsTable } from './report/markdown.mjs';
import { PACKAGES, sectionTable } from './comparison/section-table.mjs';

const options = readOptions(process.argv.slice(2));
const plan = planOf(options);
const cleanup = new CleanupStack();
Logger.overrideLogger(['error']);
try {
  const bench = await Bench.start(cleanup, options);
  const env = await environment({ postgres: bench.postgres.version }, PACKAGES);
  const counts = countsOf(plan);
  progress(
    `creating fixtures: tenants ${JSON.stringify(counts)}; measuring then takes about ${minutesOf(plan)} minutes`,
  );
  await bench.makeFixtures({
    counts,
    orders: options.orders,
    connections: options.connections,
    before: options.before,
  });
  if (options.profile) await eachIsolation((isolation, sections) => profileOurs(bench, isolation, sections, options));
  else await measure(bench, env);
} finally {
  await cleanup.run();
}
process.exit(); // signal listeners are still registered

async function measure(bench, env) {
  const sections = [];
  await eachIsolation(async (isolation, planned) => {
    for (const section of await measureIsolation(bench, isolation, planned)) {
      sections.push(section);
      console.log(`\n${sectionTable(section)}`);
    }
  });
  const aims = checkAims(sections);
  if (aims.length > 0) console.log(`\n${aimsTable(aims)}`);
  if (options.keep) console.log(`\nSaved as ${await saveAll(env, sections, aims)}`);
  const results = sections.flatMap(({ groups }) => groups.flatMap((group) => group.results));
  if (results.some(({ isValid }) => !isValid)) process.exitCode = 1;
}

function saveAll(env, sections, aims) {
  const extraEnv = Object.entries(options.env).map((pair) => `, ${pair.join('=')}`);
  const notes = [
    `${options.rounds} rounds of ${options.seconds} s; ${options.orders} orders per tenant; at most ${options.connections} connections.`,
    settingsNote(),
    ...(options.delayMs === undefined ? [] : [`Every answer of PostgreSQL takes ${options.delayMs} ms longer.`]),
    `The application: memory tier only, LOG_LEVEL=warn${extraEnv.join('')}.`,
  ];
  const parts = [...sections.map(sectionTable), ...(aims.length > 0 ? [aimsTable(aims)] : [])];
  const data = { ...env, options, settings: SETTINGS, sections, aims };
  return saveResults(options.keep, `${heading('Bench', env, notes)}\n${parts.join('\n\n')}`, data);
}

async function eachIsolation(work) {
  for (const isolation of new Set(plan.map((section) => section.isolation))) {
    await work(
      isolation,
      plan.filter((section) => section.isolation === isolation),
    );
  }
}

/** Starts the contestants of an isolation, checks their responses, and measures its sections one after the other. */
async function measureIsolation(bench, isolation, planned) {
  const peers = [...new Set(planned.flatMap((section) => section.peers))];
  const { contestants, stop } = await bench.startContestants(isolation, peers, options);
  const fixtures = { group: isolation, orders: options.orders };
  const measured = [];
  try {
    const count = countsOf(planned)[isolation];
    const tenants = isolation === 'row' ? 1 : count;
    for (const contestant of contestants) await check(contestant, { ...fixtures, tenants }, `C${bench.nextRun()}`);
    if (isolation === 'row') await touch(contestants[0].program, { ...fixtures, tenants: count });
    for (const section of planned) measured.push(await measureSection(bench, contestants, section, fixtures));
    for (const { program } of contestants) await recordMemory(program, measured);
  } finally {
    await stop();
  }
  return measured;
}

async function measureSection(bench, all, { works, peers, rounds = options.rounds, ...section }, fixtures) {
  const contestants = all.filter(({ key }) => key === 'ours' || peers.includes(key));
  const groups = [];
  for (const work of works) {
    progress(
      `${section.isolation}, ${section.tenants} tenants, ${section.choice}, ${section.callers} callers: ${work}`,
    );
    const requests = { ...fixtures, tenants: section.tenants, choice: section.choice, work };
    const results = await compare(bench, {
      contestants,
      requests,
      callers: section.callers,
      rounds: Math.min(rounds, options.rounds),
      seconds: options.seconds,
      warmUpSeconds: options.seconds,
    });
    groups.push({ work, results });
  }
  return { ...section, groups };
}

async function recordMemory(program, sections) {
  const { heapUsed } = await program.call('memory');
  for (const { groups } of sections) {
    for (const { results } of groups) {
      for (const result of results) if (result.name === program.name) result.heapMb = heapUsed / 2 ** 20;
    }
  }
}

function countsOf(sections) {
  const counts = {};
  for (const { isolation, tenants } of sections) counts[isolation] = Math.max(counts[isolation] ?? 0, tenants);
  return counts;
}

function minutesOf(sections) {
  if (options.profile) return Math.ceil(sections.flatMap(({ works }) => works).length / 3);
  const turns = sections.map(({ works, peers, rounds = options.rounds }) => {
    return works.length * (peers.length + 1) * (Math.min(rounds, options.rounds) + 1);
  });
  const overheadSeconds = 0.5; // preparing the requests of a round
  return Math.ceil((turns.reduce((sum, count) => sum + count, 0) * (options.seconds + overheadSeconds)) / 60);
}

function progress(text) {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}
