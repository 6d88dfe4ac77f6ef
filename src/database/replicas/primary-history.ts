/** Where a primary's log stood when it was asked. */
interface Sample {
  /** Before it was asked, in ms of `performance.now()`: what was committed by then is in front of `lsn`. */
  readonly at: number;
  readonly lsn: bigint;
}

/** Half of them, one each half second, are more than the longest staleness that may be asked for. */
const KEPT = 1_400;

/**
 * The positions of a primary's log over the last minutes. A replica that has replayed up to one of them has everything that was
 * committed when it was sampled: so a replica's staleness is known without comparing clocks, also while nothing is written, and
 * where the replica has lost its primary and does not know how much it lacks.
 */
export class PrimaryHistory {
  private samples: Sample[] = [];
  private line: { readonly system: string; readonly timeline: number } | undefined;

  /** Undefined until the primary has answered. */
  get timeline(): number | undefined {
    return this.line?.timeline;
  }

  /** The system identifier, which a server has in common with its replicas. */
  get system(): string | undefined {
    return this.line?.system;
  }

  add(at: number, { system, timeline, lsn }: { system: string; timeline: number; lsn: bigint }): void {
    if (this.line?.system !== system || this.line.timeline !== timeline) {
      this.samples = [];
      this.line = { system, timeline };
    }
    this.samples.push({ at, lsn });
    if (this.samples.length > KEPT) this.samples.splice(0, KEPT / 2);
  }

  /** The time whose state a server has that has replayed up to `lsn`, in ms of `performance.now()`; -Infinity: not known. */
  freshAsOf(lsn: bigint): number {
    return this.samples.findLast((sample) => sample.lsn <= lsn)?.at ?? -Infinity;
  }
}
