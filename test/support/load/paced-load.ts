import { setTimeout as delay } from 'node:timers/promises';

/** A request as its client saw it. */
export interface SeenRequest {
  readonly kind: string;
  /** `performance.now()` when it was sent. */
  readonly at: number;
  readonly ms: number;
  /** Undefined when it was answered as expected. */
  readonly fault: string | undefined;
}

/** Sends one request. @returns what is wrong with its answer; undefined when nothing is */
type Send = () => Promise<string | undefined>;

const TICK_MS = 10;
/** A slow server is not sent more at once: the rate is then what it can offer. */
const MAX_UNDER_WAY = 24;

/** Sends requests of several kinds in turn at a rate, until stopped; each is seen as its client sees it. */
export class PacedLoad {
  readonly seen: SeenRequest[] = [];
  private readonly underWay = new Set<Promise<void>>();
  private goesOn = true;
  private readonly sending: Promise<void>;

  constructor(
    private readonly kinds: readonly (readonly [kind: string, send: Send])[],
    private readonly perSecond: number,
  ) {
    this.sending = this.send();
  }

  /** @returns when `count` more requests are answered */
  async answered(count: number): Promise<void> {
    const goal = this.seen.length + count;
    while (this.seen.length < goal) await delay(TICK_MS);
  }

  async stop(): Promise<void> {
    this.goesOn = false;
    await this.sending;
    await Promise.all(this.underWay);
  }

  /** Those of some kinds that were under way between two times. */
  between(from: number, to: number, ...kinds: string[]): SeenRequest[] {
    return this.seen.filter(({ at, ms, kind }) => at < to && at + ms > from && kinds.includes(kind));
  }

  private async send(): Promise<void> {
    let sent = 0;
    for (let last = performance.now(), owed = 0; this.goesOn; await delay(TICK_MS)) {
      const now = performance.now();
      owed = Math.min(owed + ((now - last) * this.perSecond) / 1000, MAX_UNDER_WAY);
      last = now;
      for (; owed >= 1 && this.underWay.size < MAX_UNDER_WAY; owed -= 1) this.sendOne((sent += 1));
    }
  }

  private sendOne(n: number): void {
    const [kind, send] = this.kinds[n % this.kinds.length]!;
    const at = performance.now();
    const request = send()
      .catch(String)
      .then((fault) => void this.seen.push({ kind, at, ms: performance.now() - at, fault }))
      .finally(() => this.underWay.delete(request));
    this.underWay.add(request);
  }
}

/** @param share between 0 and 1 */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
