import { groupBy } from '../platform/group-by.js';

/** A part of an operation that loads one server. */
interface ServerUnit {
  readonly serverId: string;
}

interface LaneOptions {
  /** Units in work concurrently on each server: the number of lanes per server. */
  readonly parallelism: number;
  /** When aborted, no further unit is started. */
  readonly signal: AbortSignal;
}

/**
 * Runs `work` for each unit, in order per server; servers are independent of each other. After the first error no
 * further unit is started, and the error is thrown once all started units have finished.
 */
export async function runInLanes<Unit extends ServerUnit>(
  units: readonly Unit[],
  { parallelism, signal }: LaneOptions,
  work: (unit: Unit) => Promise<void>,
): Promise<void> {
  let hasFailed = false;
  const runLane = async (queue: Unit[]): Promise<void> => {
    for (let unit = queue.shift(); unit && !hasFailed && !signal.aborted; unit = queue.shift()) {
      try {
        await work(unit);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  const lanes = [...groupBy(units, ({ serverId }) => serverId).values()].flatMap((queue) =>
    Array.from({ length: parallelism }, () => runLane(queue)),
  );
  const outcomes = await Promise.allSettled(lanes);
  const rejected = outcomes.find((outcome) => outcome.status === 'rejected');
  if (rejected) throw rejected.reason;
}
