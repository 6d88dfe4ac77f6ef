/** Rows of text as a Markdown table whose columns stand in line. */
export function aligned([head, ...rows]) {
  const widths = head.map((_, n) => Math.max(...[head, ...rows].map((row) => row[n].length)));
  const line = (row) => `| ${row.map((cell, n) => cell.padEnd(widths[n])).join(' | ')} |`;
  return [line(head), `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`, ...rows.map(line)];
}

/** What was aimed at, what came out, and whether it is enough. */
export function verdicts(aims) {
  const rows = aims.map(({ aim, measured, reached }) => [aim, measured, reached ? 'yes' : 'NO']);
  return ['## Aims', '', ...aligned([['aim', 'measured', 'reached'], ...rows])].join('\n');
}

/** A number with three digits that mean something. */
export function figure(value) {
  if (value === undefined || Number.isNaN(value)) return '';
  if (Number.isInteger(value) || Math.abs(value) >= 100) return value.toFixed(0);
  return value.toPrecision(3);
}
