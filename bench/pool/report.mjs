import { environment as environmentOf, heading } from '../report/environment.mjs';
import { saveResults } from '../report/save-results.mjs';
import { aligned, figure } from '../report/markdown.mjs';

export { aimsTable } from '../report/markdown.mjs';

const COLUMNS = [
  'callers',
  'contestant',
  'per second',
  'CPU µs',
  'wait p50 µs',
  'wait p99 µs',
  'ours : this',
  'quartiles',
];

/** The machine and the versions. Call it before the bench. */
export function environment(postgres) {
  return environmentOf({ postgres }, { pg: 'node_modules/pg', 'pg-pool': 'node_modules/pg-pool' });
}

/**
 * Formats one section as a Markdown table. The first contestant of a group is ours; the others are compared with it.
 */
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

/** Saves the results under bench/results. */
export function save({ env, sections, aims }, text) {
  return saveResults('pool', `${heading('Pool bench', env)}\n${text}`, { ...env, sections, aims });
}
