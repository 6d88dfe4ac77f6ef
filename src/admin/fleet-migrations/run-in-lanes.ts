import type { MigrationUnit } from './migration-units.js';

interface LaneOptions {
  /** Units migrated concurrently on each server: the number of lanes per server. */
  readonly parallelism: number;
  /** When aborted, no further unit is started. */
  readonly signal: AbortSignal;
}

/**
 * Runs `work` for each unit, in order per server; servers are independent of each other. After the first error no
 * further unit is started, and the error is thrown once all started units have finished.
 */
export async function runInLanes(
  units: readonly MigrationUnit[],
  { parallelism, signal }: LaneOptions,
  work: (unit: MigrationUnit) => Promise<void>,
): Promise<void> {
  let hasFailed = false;
  const runLane = async (queue: MigrationUnit[]): Promise<void> => {
    for (let unit = queue.shift(); unit && !hasFailed && !signal.aborted; unit = queue.shift()) {
      try {
        await work(unit);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  const lanes = queuesOf(units).flatMap((queue) => Array.from({ length: parallelism }, () => runLane(queue)));
  const outcomes = await Promise.allSettled(lanes);
  const rejected = outcomes.find((outcome) => outcome.status === 'rejected');
  if (rejected) throw rejected.reason;
}

/** One queue per server. */
function queuesOf(units: readonly MigrationUnit[]): MigrationUnit[][] {
  const queues = new Map<string, MigrationUnit[]>();
  for (const unit of units) {
    const queue = queues.get(unit.serverId);
    if (queue) queue.push(unit);
    else queues.set(unit.serverId, [unit]);
  }
  return [...queues.values()];
}
