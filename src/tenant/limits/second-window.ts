const SLOTS = 20;
const SECOND_MS = 1000;

/** Counts the requests of a sliding second in this process, as the script of `redis-leases.ts` does for all. */
export class SecondWindow {
  private readonly counts = new Float64Array(SLOTS);
  private sum = 0;
  private slot = 0;
  private slotMs = 0;

  /** Requests that are in the window now. */
  get taken(): number {
    return this.sum;
  }

  /** @param rate requests per second; below 1, one request in so many seconds */
  take(now: number, rate: number): boolean {
    const most = Math.max(1, Math.floor(rate));
    this.moveTo(now, (most / rate) * (SECOND_MS / SLOTS));
    if (this.sum >= most) return false;
    this.counts[this.slot % SLOTS]! += 1;
    this.sum += 1;
    return true;
  }

  private moveTo(now: number, slotMs: number): void {
    const slot = Math.floor(now / slotMs);
    if (slotMs !== this.slotMs || slot < this.slot) return this.startAt(slot, slotMs);
    const passed = Math.min(SLOTS, slot - this.slot);
    for (let next = 1; next <= passed; next += 1) {
      const index = (slot - passed + next) % SLOTS;
      this.sum -= this.counts[index]!;
      this.counts[index] = 0;
    }
    this.slot = slot;
  }

  /** After another rate what was admitted counts as admitted now: a change of the rate must not admit more. */
  private startAt(slot: number, slotMs: number): void {
    this.counts.fill(0);
    this.counts[slot % SLOTS] = this.sum;
    this.slot = slot;
    this.slotMs = slotMs;
  }
}
