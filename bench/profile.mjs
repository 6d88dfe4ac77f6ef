// Summarises CPU profiles: `node bench/profile.mjs FILE…`. `npm run bench -- --profile` and `node --cpu-prof` write
// such files.
import { readFile } from 'node:fs/promises';
import { argv } from 'node:process';
import { fileURLToPath } from 'node:url';
import { aligned } from './report/markdown.mjs';

const TOP = 30;

/** Self time by package (by folder for our own code), by file, and by function, as Markdown tables. */
export async function summarise(path) {
  const profile = JSON.parse(await readFile(path, 'utf8'));
  const nodes = selfTimes(profile).filter(({ name }) => name !== '(idle)');
  const busyUs = nodes.reduce((sum, { us }) => sum + us, 0);
  const table = (title, keyOf, top) => {
    const rows = [...totals(nodes, keyOf)]
      .toSorted(([, a], [, b]) => b - a)
      .slice(0, top)
      .map(([key, us]) => [`${((us * 100) / busyUs).toFixed(1)} %`, key]);
    return aligned([['self', title], ...rows]).join('\n');
  };
  return [
    table('package or folder', ({ url }) => packageOf(url), 20),
    table('file', ({ url }) => pathOf(url), TOP),
    table('function', ({ name, url, line }) => `${name} ${pathOf(url)}:${line}`, TOP * 2),
  ].join('\n\n');
}

function selfTimes({ nodes, samples, timeDeltas }) {
  const us = new Map();
  samples.forEach((id, n) => us.set(id, (us.get(id) ?? 0) + Math.max(0, timeDeltas[n])));
  return nodes.map(({ id, callFrame: { functionName, url, lineNumber } }) => ({
    name: functionName || '(anonymous)',
    url,
    line: lineNumber + 1,
    us: us.get(id) ?? 0,
  }));
}

function totals(nodes, keyOf) {
  const sums = new Map();
  for (const node of nodes) sums.set(keyOf(node), (sums.get(keyOf(node)) ?? 0) + node.us);
  return sums;
}

/** The package, the folder of our own code, or `node` for Node and V8 themselves. */
function packageOf(url) {
  const path = pathOf(url);
  const inPackage = /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path);
  if (inPackage) return inPackage[1];
  return path.startsWith('dist/') ? path.slice(0, path.lastIndexOf('/')) : 'node';
}

function pathOf(url) {
  if (!url) return '(V8, C++)';
  const path = url.startsWith('file:') ? fileURLToPath(url) : url;
  return /.*?((?:node_modules|dist)\/.*)/.exec(path)?.[1] ?? path;
}

if (fileURLToPath(import.meta.url) === argv[1]) {
  for (const path of argv.slice(2)) console.log(`## ${path}\n\n${await summarise(path)}\n`);
}
