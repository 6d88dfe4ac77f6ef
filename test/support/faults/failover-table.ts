import type { FailoverOutcome } from './failover-scene.js';
import type { VerifiedWrites } from './verified-writes.js';

type Time = 'promotedAfterMs' | 'readyAfterMs' | 'firstWriteMs' | 'lastTenantMs';
const TIMES: readonly Time[] = ['promotedAfterMs', 'readyAfterMs', 'firstWriteMs', 'lastTenantMs'];

const HEAD = [
  ...['no.', 'failover', 'nodes', 'new primary after', 'its first commit after'],
  ...['then first write', 'then every tenant', 'failed afterwards'],
];

/** Prints what every failover took, and what callers got, as Markdown. */
export function printFailovers(outcomes: readonly FailoverOutcome[], writes: readonly VerifiedWrites[]): void {
  const rows = outcomes.map((outcome, index) => {
    const { kind, from, to, failedAfterwards } = outcome;
    return row(index + 1, kind, `${from} to ${to}`, ...TIMES.map((time) => seconds(outcome[time])), failedAfterwards);
  });
  const medians = [...new Set(outcomes.map(({ kind }) => kind))].map((kind) => {
    const ofKind = outcomes.filter((outcome) => outcome.kind === kind);
    return row('median', kind, ofKind.length, ...TIMES.map((time) => seconds(medianOf(ofKind, time))), '');
  });
  const all = row('median', 'all', outcomes.length, ...TIMES.map((time) => seconds(medianOf(outcomes, time))), '');
  const table = [row(...HEAD), row(...HEAD.map(() => '---')), ...rows, ...medians, all];
  process.stdout.write(`\n${[...table, '', ...writes.map(answersOf)].join('\n')}\n`);
}

function medianOf(outcomes: readonly FailoverOutcome[], time: Time): number {
  const sorted = outcomes.map((outcome) => outcome[time]).sort((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? NaN;
}

function answersOf({ slug, acknowledged, answers }: VerifiedWrites): string {
  const all = Object.entries(answers).sort(([, a], [, b]) => b - a);
  return `${slug}: ${acknowledged.length} acknowledged; ${all.map(([answer, n]) => `${n} × ${answer}`).join(', ')}`;
}

function row(...cells: readonly (string | number)[]): string {
  return `| ${cells.join(' | ')} |`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)} s`;
}
