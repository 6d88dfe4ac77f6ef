import { environment as environmentOf, heading } from '../report/environment.mjs';
import { keep as keepFigures } from '../report/keep.mjs';
import { aligned, figure } from '../report/markdown.mjs';

export { verdicts } from '../report/markdown.mjs';

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
export function environment(postgres) {
  return environmentOf({ postgres }, { pg: 'node_modules/pg', 'pg-pool': 'node_modules/pg-pool' });
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

/** Keeps the figures under bench/results. */
export function keep({ env, sections, aims }, text) {
  return keepFigures('pool', `${heading('Pool bench', env)}\n${text}`, { ...env, sections, aims });
}
