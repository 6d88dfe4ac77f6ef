/** Formats rows of text as a Markdown table with aligned columns. */
export function aligned([head, ...rows]) {
  const widths = head.map((_, n) => Math.max(...[head, ...rows].map((row) => row[n].length)));
  const line = (row) => `| ${row.map((cell, n) => cell.padEnd(widths[n])).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)];
}

/** A table of the aims, the measured values, and whether they were reached. */
export function aimsTable(aims) {
  const rows = aims.map(({ aim, measured, reached }) => [aim, measured, reached ? 'yes' : 'NO']);
  return ['## Aims', '', ...aligned([['aim', 'measured', 'reached'], ...rows])].join('\n');
}

/** Formats a number with three significant digits. */
export function figure(value) {
  if (value === undefined || Number.isNaN(value)) return '';
  if (Number.isInteger(value) || Math.abs(value) >= 100) return value.toFixed(0);
  return value.toPrecision(3);
}
