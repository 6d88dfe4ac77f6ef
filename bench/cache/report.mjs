import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

const RESULTS = new URL('../results/', import.meta.url);
const PACKAGES = {
  'cache-manager': '../../node_modules/cache-manager/',
  'cache-manager-ioredis-yet': '../../node_modules/cache-manager-ioredis-yet/',
  keyv: '../../node_modules/keyv/',
  ioredis: '../../node_modules/ioredis/',
  bentocache: './node_modules/bentocache/',
  'lru-cache': './node_modules/lru-cache/',
};

/** Where and with what the figures came to be. */
export async function environment(servers) {
  const versions = { tenantry: await versionOf('../../'), node: process.version.slice(1), ...servers };
  for (const [name, path] of Object.entries(PACKAGES)) versions[name] = await versionOf(path);
  return {
    date: new Date().toISOString(),
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
      memoryGb: Number((totalmem() / 2 ** 30).toFixed(1)),
      /** Of the last minute: more than the cores means that others were busy, too. */
      load: Number(loadavg()[0].toFixed(1)),
    },
    versions,
  };
}

async function versionOf(path) {
  return JSON.parse(await readFile(new URL(`${path}package.json`, import.meta.url), 'utf8')).version;
}

/**
 * One section as a Markdown table.
 *
 * @param columns `[heading, key]`, or `[heading, key, 'ratio']`: the first row's value is then what the others are
 *   divided by
 */
export function table({ title, note, columns, results }) {
  const [first] = results;
  const head = ['', ...columns.map(([heading]) => heading)];
  const cell = (result, [, key, kind]) => {
    if (kind !== 'ratio') return figure(result[key]);
    return result === first ? '' : `${(result[key] / first[key]).toFixed(result[key] / first[key] < 0.01 ? 4 : 2)} x`;
  };
  const rows = results.map((result) => [result.name, ...columns.map((column) => cell(result, column))]);
  return [`## ${title}`, '', ...aligned([head, ...rows]), '', note].join('\n');
}

/** What was aimed at, what came out, and whether it is enough. */
export function verdicts(aims) {
  const rows = aims.map(({ aim, measured, reached }) => [aim, measured, reached ? 'yes' : 'NO']);
  return ['## Aims', '', ...aligned([['aim', 'measured', 'reached'], ...rows])].join('\n');
}

/** Keeps the figures under bench/results, as Markdown to read and JSON to compute with. */
export async function keep({ env, sections, aims }, text) {
  await mkdir(RESULTS, { recursive: true });
  const name = `cache-${env.date.slice(0, 10)}`;
  const { cpu, cores, memoryGb, load } = env.machine;
  const heading = [
    `# Cache bench, ${env.date}`,
    '',
    `${cpu}, ${cores} cores, ${memoryGb} GB, load ${load}. Redis and PostgreSQL on the same machine.`,
    `${Object.entries(env.versions)
      .map(([what, version]) => `${what} ${version}`)
      .join(', ')}.`,
    '',
  ].join('\n');
  await writeFile(new URL(`${name}.md`, RESULTS), `${heading}\n${text}\n`);
  await writeFile(new URL(`${name}.json`, RESULTS), `${JSON.stringify({ ...env, sections, aims }, undefined, 2)}\n`);
  return `bench/results/${name}.md`;
}

function aligned([head, ...rows]) {
  const widths = head.map((_, n) => Math.max(...[head, ...rows].map((row) => row[n].length)));
  const line = (row) => `| ${row.map((cell, n) => cell.padEnd(widths[n])).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)];
}

function figure(value) {
  if (Number.isInteger(value) || value >= 100) return value.toFixed(0);
  return value.toPrecision(value > 90 ? 4 : 3);
}
