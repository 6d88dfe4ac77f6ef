const STEPS = ['install', 'compile', 'serve', 'tests'];

/** One line per cell: versions, then the seconds of each step, or which one failed. */
export function printTable(results) {
  const rows = results.map(({ cell, versions, steps, error, ms }) => [
    versions.nest ?? cell.nest,
    cell.http,
    cell.format === 'cjs' ? 'CommonJS' : 'ES modules',
    versions.typeorm ?? cell.typeorm,
    cell.node,
    versions.typescript ?? cell.typescript,
    ...STEPS.map((step) => outcomeOf(step, cell, steps, error)),
    seconds(ms),
  ]);
  const titles = ['NestJS', 'HTTP', 'Format', 'TypeORM', 'Node', 'TypeScript', ...STEPS, 'total'];
  const widths = titles.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column].length)));
  console.log('');
  for (const row of [titles, ...rows]) console.log(row.map((text, column) => text.padEnd(widths[column])).join('  '));
}

function outcomeOf(step, cell, steps, error) {
  if (steps[step] !== undefined) return seconds(steps[step]);
  if (cell.runner ? step === 'serve' : step === 'tests' && cell.format === 'esm') return '-';
  return error ? 'FAILED' : '?';
}

function seconds(ms) {
  return `${(ms / 1000).toFixed(1)} s`;
}
