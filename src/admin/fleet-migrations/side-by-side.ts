import type { FleetUnit } from './fleet-units.js';

interface Lanes {
  /** Units at once on each server. */
  readonly parallelism: number;
  /** Aborted, no further unit is begun. */
  readonly signal: AbortSignal;
}

/**
 * Works on all units, those of each server in order, the servers independently of each other. When the work of one
 * throws, no further one is begun, and the error is thrown once all that were begun have ended.
 */
export async function sideBySide(
  units: readonly FleetUnit[],
  { parallelism, signal }: Lanes,
  work: (unit: FleetUnit) => Promise<void>,
): Promise<void> {
  let hasFailed = false;
  const lane = async (queue: FleetUnit[]): Promise<void> => {
    for (let unit = queue.shift(); unit && !hasFailed && !signal.aborted; unit = queue.shift()) {
      try {
        await work(unit);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  const lanes = queuesOf(units).flatMap((queue) => Array.from({ length: parallelism }, () => lane(queue)));
  const ended = await Promise.allSettled(lanes);
  const broken = ended.find((outcome) => outcome.status === 'rejected');
  if (broken) throw broken.reason;
}

/** One for each server. */
function queuesOf(units: readonly FleetUnit[]): FleetUnit[][] {
  const queues = new Map<string, FleetUnit[]>();
  for (const unit of units) {
    const queue = queues.get(unit.serverId);
    if (queue) queue.push(unit);
    else queues.set(unit.serverId, [unit]);
  }
  return [...queues.values()];
}
