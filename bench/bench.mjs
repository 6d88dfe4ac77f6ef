// The application beside other ways to do the same, in one interleaved run with a PostgreSQL of its own. Run it with
// `npm run bench`; options are in comparison/options.mjs, and bench/README.md says what is and is not fair about it.
import { Logger } from '@nestjs/common';
import { judge } from './comparison/aims.mjs';
import { Bench } from './harness/bench.mjs';
import { check } from './harness/check.mjs';
import { Closing } from './harness/closing.mjs';
import { compare } from './harness/compare.mjs';
import { SETTINGS, settingsNote } from './harness/postgres.mjs';
import { touch } from './harness/touch.mjs';
import { readOptions } from './comparison/options.mjs';
import { planOf } from './comparison/plan.mjs';
import { profileOurs } from './comparison/profile-run.mjs';
import { environment, heading } from './report/environment.mjs';
import { keep } from './report/keep.mjs';
import { verdicts } from './report/markdown.mjs';
import { PACKAGES, sectionTable } from './comparison/section-table.mjs';

const options = readOptions(process.argv.slice(2));
const plan = planOf(options);
const closing = new Closing();
Logger.overrideLogger(['error']);
try {
  const bench = await Bench.start(closing);
  const env = await environment({ postgres: bench.postgres.version }, PACKAGES);
  const counts = countsOf(plan);
  progress(`fixtures: tenants ${JSON.stringify(counts)}; after them about ${minutesOf(plan)} minutes`);
  await bench.makeFixtures({ counts, orders: options.orders, connections: options.connections });
  if (options.profile) await eachIsolation((isolation, sections) => profileOurs(bench, isolation, sections, options));
  else await measure(bench, env);
} finally {
  await closing.all();
}
process.exit(); // signals are listened for

async function measure(bench, env) {
  const sections = [];
  await eachIsolation(async (isolation, planned) => {
    for (const section of await measureIsolation(bench, isolation, planned)) {
      sections.push(section);
      console.log(`\n${sectionTable(section)}`);
    }
  });
  const aims = judge(sections);
  if (aims.length > 0) console.log(`\n${verdicts(aims)}`);
  if (options.keep) console.log(`\nKept as ${await keepAll(env, sections, aims)}`);
  const results = sections.flatMap(({ groups }) => groups.flatMap((group) => group.results));
  if (results.some(({ isValid }) => !isValid)) process.exitCode = 1;
}

function keepAll(env, sections, aims) {
  const told = Object.entries(options.env).map((pair) => `, ${pair.join('=')}`);
  const notes = [
    `${options.rounds} rounds of ${options.seconds} s; ${options.orders} orders a tenant; at most ${options.connections} connections.`,
    settingsNote(),
    `The application: memory tier only, LOG_LEVEL=warn${told.join('')}.`,
  ];
  const parts = [...sections.map(sectionTable), ...(aims.length > 0 ? [verdicts(aims)] : [])];
  const data = { ...env, options, settings: SETTINGS, sections, aims };
  return keep(options.keep, `${heading('Bench', env, notes)}\n${parts.join('\n\n')}`, data);
}

async function eachIsolation(work) {
  for (const isolation of new Set(plan.map((section) => section.isolation))) {
    await work(
      isolation,
      plan.filter((section) => section.isolation === isolation),
    );
  }
}

/** Starts who is needed for an isolation, checks their answers, and takes its sections one after the other. */
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
    for (const { program } of contestants) await noteMemory(program, measured);
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
    const { seconds } = options;
    const how = { callers: section.callers, rounds: Math.min(rounds, options.rounds), seconds, warmUpSeconds: seconds };
    groups.push({ work, results: await compare(bench, { contestants, requests, ...how }) });
  }
  return { ...section, groups };
}

async function noteMemory(program, sections) {
  const { heapUsed } = await program.ask('memory');
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
  const overheadSeconds = 0.5; // requests are written ahead
  return Math.ceil((turns.reduce((sum, count) => sum + count, 0) * (options.seconds + overheadSeconds)) / 60);
}

function progress(text) {
  process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
}
