import type { TestTenant } from '../test-app.js';
import type { ReplicatedApp } from './replicated-app.js';

/** What has become of many writes, each of which its caller has read again. */
export interface PairsReport {
  pairs: number;
  /** Reads that returned something else than what their caller had written. */
  stale: number;
  /** Requests that failed. */
  failed: string[];
}

const CALLERS = 16;
let lastValue = 0;

/**
 * Callers side by side, each with a counter of its own, that write and read what they have written, with the position that they were
 * given. @param isOver looked at after each pair
 */
export async function writeAndRead(
  rig: ReplicatedApp,
  tenants: readonly TestTenant[],
  isOver: (report: PairsReport) => boolean,
): Promise<PairsReport> {
  const report: PairsReport = { pairs: 0, stale: 0, failed: [] };
  const caller = async (_: unknown, id: number): Promise<void> => {
    const tenant = tenants[id % tenants.length]!;
    while (!isOver(report)) {
      const value = (lastValue += 1);
      const written = await rig.set(tenant, id, value);
      const position = written.headers.get('x-tenantry-position');
      const read = position === null ? undefined : await rig.get(tenant, id, position);
      report.pairs += 1;
      if (written.status !== 201 || read?.status !== 200) report.failed.push(`${written.text} ${read?.text}`);
      else if (read.body.value !== value) report.stale += 1;
    }
  };
  await Promise.all(Array.from({ length: CALLERS }, caller));
  return report;
}

/** Prints which part of reads the replica has answered. */
export function printShares(title: string, rig: ReplicatedApp, before: ReplicatedApp['counts'], pairs: number): void {
  const { reads, fallbacks } = rig.counts;
  const others = Object.entries(fallbacks).map(([reason, count]) => [reason, count - before.fallbacks[reason]!]);
  const shares = [['replica', reads - before.reads], ...others.filter(([, count]) => Number(count) > 0)];
  process.stderr.write(`${title}: ${pairs} pairs, reads: ${shares.map((share) => share.join(' ')).join(', ')}\n`);
}
