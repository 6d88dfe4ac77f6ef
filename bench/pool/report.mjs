import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { availableParallelism, cpus, loadavg, totalmem } from 'node:os';

const RESULTS = new URL('../results/', import.meta.url);
const COLUMNS = [
  'callers',
  'contestant',
  'per second',
  'CPU µs',
  'wait p50 µs',
  'wait p99 µs',
  'first : this',
  'quartiles',
];

/** Where and with what the figures come to be; asked before the bench. */
export async function environment(postgresVersion) {
  const versionOf = async (path) => JSON.parse(await readFile(new URL(path, import.meta.url), 'utf8')).version;
  return {
    date: new Date().toISOString(),
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: availableParallelism(),
      memoryGb: Number((totalmem() / 2 ** 30).toFixed(1)),
      /** Of the last minute. Before the bench: what the neighbours do. */
      loadBefore: Number(loadavg()[0].toFixed(1)),
    },
    versions: {
      tenantry: await versionOf('../../package.json'),
      node: process.version,
      pg: await versionOf('../../node_modules/pg/package.json'),
      pgPool: await versionOf('../../node_modules/pg-pool/package.json'),
      postgres: postgresVersion,
    },
  };
}

/** One section as a Markdown table: the first contestant of a group is ours, the others are what it is held against. */
export function table({ title, groups }) {
  const rows = groups.flatMap(({ callers, results }) =>
    results.map(({ name, perSecond, cpuUs, p50, p99, ratio }) => [
      String(callers),
      name,
      ...[perSecond, cpuUs, p50, p99].map(figure),
      ratio ? `${ratio.ofMedians.toFixed(2)} x` : '',
      ratio ? ratio.quartiles.map((quartile) => quartile.toFixed(2)).join(' - ') : '',
    ]),
  );
  return [`## ${title}`, '', ...aligned([COLUMNS, ...rows])].join('\n');
}

/** What was aimed at, what came out, and whether it is enough. */
export function verdicts(aims) {
  const rows = aims.map(({ aim, measured, reached }) => [aim, measured, reached ? 'yes' : 'NO']);
  return ['## Aims', '', ...aligned([['aim', 'measured', 'reached'], ...rows])].join('\n');
}

/** Keeps the figures under bench/results, as Markdown to read and JSON to compute with. */
export async function keep({ env, sections, aims }, text) {
  await mkdir(RESULTS, { recursive: true });
  const name = `pool-${env.date.slice(0, 10)}`;
  const { machine, versions } = env;
  const heading = [
    `# Pool bench, ${env.date}`,
    '',
    `${machine.cpu}, ${machine.cores} cores, ${machine.memoryGb} GB. PostgreSQL ${versions.postgres} on the same machine.`,
    `Load of the machine before it: ${machine.loadBefore} (with more than 0.5, look at the quartiles and at CPU).`,
    `Tenantry ${versions.tenantry}, Node ${versions.node}, pg ${versions.pg}, pg-pool ${versions.pgPool}.`,
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
  if (value === undefined) return '';
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}
