import { environment as environmentOf, heading } from '../report/environment.mjs';
import { saveResults } from '../report/save-results.mjs';
import { aligned, figure } from '../report/markdown.mjs';

export { aimsTable } from '../report/markdown.mjs';

const PACKAGES = {
  'cache-manager': 'node_modules/cache-manager',
  'cache-manager-ioredis-yet': 'node_modules/cache-manager-ioredis-yet',
  keyv: 'node_modules/keyv',
  ioredis: 'node_modules/ioredis',
  bentocache: 'bench/cache/node_modules/bentocache',
  'lru-cache': 'bench/cache/node_modules/lru-cache',
};

/** The machine and the versions. */
export function environment(servers) {
  return environmentOf(servers, PACKAGES);
}

/**
 * Formats one section as a Markdown table.
 *
 * @param columns `[heading, key]`, or `[heading, key, 'ratio']` for the value divided by that of the first row
 */
export function table({ title, note, columns, results }) {
  const [first] = results;
  const head = ['', ...columns.map(([text]) => text)];
  const cell = (result, [, key, kind]) => {
    if (kind !== 'ratio') return exact(result[key]);
    return result === first ? '' : `${(result[key] / first[key]).toFixed(result[key] / first[key] < 0.01 ? 4 : 2)} x`;
  };
  const rows = results.map((result) => [result.name, ...columns.map((column) => cell(result, column))]);
  return [`## ${title}`, '', ...aligned([head, ...rows]), '', note].join('\n');
}

/** Saves the results under bench/results. */
export function save({ env, sections, aims }, text) {
  return saveResults('cache', `${heading('Cache bench', env)}\n${text}`, { ...env, sections, aims });
}

/** Four digits between 90 and 100, where 99.3 % and 99.9 % are far apart. */
function exact(value) {
  return value > 90 && value < 100 ? value.toPrecision(4) : figure(value);
}
