import { aligned, figure } from '../report/markdown.mjs';

const MULTITENANT = 'bench/peers/nestjs-multitenant/node_modules';

/** Packages whose versions are listed above the results. */
export const PACKAGES = {
  '@nestjs/core': 'node_modules/@nestjs/core',
  fastify: 'node_modules/fastify',
  typeorm: 'node_modules/typeorm',
  pg: 'node_modules/pg',
  autocannon: 'bench/node_modules/autocannon',
  'nestjs-multitenant': `${MULTITENANT}/nestjs-multitenant`,
  '(its NestJS)': `${MULTITENANT}/@nestjs/core`,
  '(its typeorm)': `${MULTITENANT}/typeorm`,
};

const COLUMNS = [
  ['per second', ({ perSecond }) => figure(perSecond)],
  ['ours : this', ({ ratio }) => (ratio ? `${ratio.ofMedians.toFixed(2)} x` : '')],
  ['quartiles', ({ ratio }) => ratio?.quartiles.map((quartile) => quartile.toFixed(2)).join(' - ') ?? ''],
  ['p50 ms', ({ p50 }) => figure(p50)],
  ['p99 ms', ({ p99 }) => figure(p99)],
  ['CPU, this : ours', ({ appCpuMs, ratio }, ours) => (ratio ? `${(appCpuMs / ours.appCpuMs).toFixed(2)} x` : '')],
  ['app CPU ms', ({ appCpuMs }) => figure(appCpuMs)],
  ['PG CPU ms', ({ postgresCpuMs }) => figure(postgresCpuMs)],
  ['heap MB', ({ heapMb }) => figure(heapMb)],
  ['RSS MB', ({ rssMb }) => figure(rssMb)],
  ['conn.', ({ connections }) => figure(connections)],
  ['catalog / 10k', ({ name, catalogPer10k }) => (name === 'tenantry' ? figure(catalogPer10k) : '')],
  ['load busy', ({ loadBusy }) => (Number.isNaN(loadBusy) ? '' : `${(loadBusy * 100).toFixed(0)} %`)],
  ['errors', ({ errors, isValid }) => (isValid ? '0' : `${errors}: INVALID`)],
];

/** Formats one section as a Markdown table, with the application first in each kind of work. */
export function sectionTable({ isolation, tenants, choice, callers, groups }) {
  const head = ['work', 'contestant', ...COLUMNS.map(([name]) => name)];
  const rows = groups.flatMap(({ work, results }) =>
    results.map((result) => [work, result.name, ...COLUMNS.map(([, cell]) => cell(result, results[0]))]),
  );
  return [`## ${isolation}, ${tenants} tenants, ${choice}, ${callers} callers`, '', ...aligned([head, ...rows])].join(
    '\n',
  );
}
