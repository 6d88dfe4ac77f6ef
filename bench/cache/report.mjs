import { environment as environmentOf, heading } from '../report/environment.mjs';
import { keep as keepFigures } from '../report/keep.mjs';
import { aligned, figure } from '../report/markdown.mjs';

export { verdicts } from '../report/markdown.mjs';

const PACKAGES = {
  'cache-manager': 'node_modules/cache-manager',
  'cache-manager-ioredis-yet': 'node_modules/cache-manager-ioredis-yet',
  keyv: 'node_modules/keyv',
  ioredis: 'node_modules/ioredis',
  bentocache: 'bench/cache/node_modules/bentocache',
  'lru-cache': 'bench/cache/node_modules/lru-cache',
};

/** Where and with what the figures came to be. */
export function environment(servers) {
  return environmentOf(servers, PACKAGES);
}

/**
 * One section as a Markdown table.
 *
 * @param columns `[heading, key]`, or `[heading, key, 'ratio']`: the first row's value is then what the others are
 *   divided by
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

/** Keeps the figures under bench/results. */
export function keep({ env, sections, aims }, text) {
  return keepFigures('cache', `${heading('Cache bench', env)}\n${text}`, { ...env, sections, aims });
}

/** 99.3 % and 99.9 % are not the same. */
function exact(value) {
  return value > 90 && value < 100 ? value.toPrecision(4) : figure(value);
}
