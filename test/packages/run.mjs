// `npm run test:packages [-- --all | --cell <name> … | --first-answer | <suite> …] [--keep]`: the packed package in applications of many
// combinations, and the suites of suites.mjs.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import startServices from '../support/start-services.mjs';
import stopServices from '../support/stop-services.mjs';
import { allCells, coveringCells, nameOf, REASONS } from './cells.mjs';
import { checkCell } from './check-cell.mjs';
import { checkRunner } from './check-runner.mjs';
import { createDatabase } from './databases.mjs';
import { timeToFirstAnswer } from './first-answer.mjs';
import { environmentOf } from './node-versions.mjs';
import { RUNNER_CELLS } from './runner-cells.mjs';
import { SUITES } from './suites.mjs';
import { printTable } from './table.mjs';
import { packTarball } from './tarball.mjs';

const { values: options, positionals: named } = parseArgs({
  allowPositionals: true,
  options: {
    all: { type: 'boolean', default: false },
    cell: { type: 'string', multiple: true, default: [] },
    'first-answer': { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const isWhole = options.cell.length === 0 && named.length === 0 && !options['first-answer'];
const suites = chosenSuites();
const cells = chosenCells();
const folder = mkdtempSync(join(tmpdir(), 'tenantry-packages-'));
const results = [];
try {
  await startServices();
  const tarball = await packTarball(folder, await environmentOf(process.versions.node.split('.')[0]));
  if (isWhole || options['first-answer']) await printFirstAnswer(tarball);
  for (const cell of cells) results.push(await resultOf(cell, tarball));
  for (const suite of suites) await SUITES[suite]({ folder, tarball });
} finally {
  await stopServices();
  if (options.keep) console.log(`\nThe hosts are kept in ${folder}`);
  else rmSync(folder, { recursive: true, force: true });
}
if (results.length > 0) printTable(results);
if (isWhole) console.log(`\nNot possible:\n${REASONS.map((reason) => `- ${reason}`).join('\n')}`);
process.exitCode = results.every(({ error }) => error === undefined) ? 0 : 1;

function chosenSuites() {
  const unknown = named.filter((name) => !(name in SUITES));
  if (unknown.length > 0) {
    console.error(`No such suite: ${unknown.join(', ')}. There are: ${Object.keys(SUITES).join(', ')}`);
    process.exit(2);
  }
  return isWhole ? Object.keys(SUITES) : named;
}

function chosenCells() {
  if (options['first-answer'] || named.length > 0) return [];
  if (options.all) return [...allCells(), ...RUNNER_CELLS];
  if (options.cell.length === 0) return [...coveringCells(), ...RUNNER_CELLS];
  const known = new Map([...allCells(), ...coveringCells(), ...RUNNER_CELLS].map((cell) => [nameOf(cell), cell]));
  const unknown = options.cell.filter((name) => !known.has(name));
  if (unknown.length > 0) {
    console.error(`No such cell: ${unknown.join(', ')}. There are:\n${[...known.keys()].join('\n')}`);
    process.exit(2);
  }
  return options.cell.map((name) => known.get(name));
}

async function printFirstAnswer(tarball) {
  const env = await environmentOf('22');
  const databaseUrl = await createDatabase('first_answer');
  const steps = await timeToFirstAnswer({ folder: join(folder, 'first-answer'), tarball, databaseUrl, env });
  const shown = steps.map(({ name, ms }) => `${name} ${(ms / 1000).toFixed(1)} s`).join(', ');
  const total = steps.reduce((sum, { ms }) => sum + ms, 0);
  console.log(`From an empty folder to the first tenant's answer: ${(total / 1000).toFixed(1)} s (${shown})`);
}

async function resultOf(cell, tarball) {
  const name = nameOf(cell);
  const steps = {};
  const startedAt = performance.now();
  const result = { name, cell, steps, versions: {} };
  try {
    const env = await environmentOf(cell.node);
    const onStep = (step, ms) => (steps[step] = ms);
    const options = { folder: join(folder, name), tarball, env, onStep };
    result.versions = cell.runner ? await checkRunner(cell, options) : await checkHost(cell, options);
  } catch (error) {
    result.error = error;
    console.error(`\n${name}: ${error.stack}\n`);
  }
  result.ms = performance.now() - startedAt;
  console.log(`${result.error ? 'FAILED' : 'passed'}  ${name}  ${(result.ms / 1000).toFixed(0)} s`);
  return result;
}

async function checkHost(cell, options) {
  const databaseUrl = await createDatabase(nameOf(cell).replaceAll(/[^a-z0-9]/g, '_'));
  return checkCell(cell, { ...options, databaseUrl });
}
