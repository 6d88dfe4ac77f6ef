/** Makes the error that a tenant's work is refused with. */
export type Refusal = () => Error;

/** What is known of one tenant: whether it is served, how sure that is, and what is under way about it. */
export class TenantGate {
  /** The judge is being asked. */
  asking: Promise<void> | undefined;
  /** When the last verdict came, or failed to, in ms of the process' clock. */
  judgedAt = -Infinity;
  private refusal: Refusal | undefined;
  private doubts = 0;
  private sure = false;
  private confirmed = false;
  private open = false;
  private askedAt = 0;
  /** Of the first doubt that no verdict has settled. */
  private doubtedAt: number | undefined;
  private takingAway: NodeJS.Timeout | undefined;

  /** Sure, confirmed and served: the usual case, in one look. */
  get isOpen(): boolean {
    return this.open;
  }

  /** Whether what is known is good enough to go by. */
  get isSure(): boolean {
    return this.sure;
  }

  /** Whether the judge could tell when it was asked last. */
  get isConfirmed(): boolean {
    return this.confirmed;
  }

  /** Whether it is not to be forgotten. */
  get isBusy(): boolean {
    return this.asking !== undefined || this.takingAway !== undefined;
  }

  /** @throws the refusal */
  assertServed(): void {
    if (this.refusal) throw this.refusal();
  }

  /** What is known may not be true any more. */
  doubt(): void {
    this.doubts += 1;
    this.doubtedAt ??= performance.now();
    this.sure = false;
    this.open = false;
  }

  /** @returns how often it was doubted until now */
  beginQuestion(): number {
    this.askedAt = performance.now();
    return this.doubts;
  }

  /**
   * @param question what `beginQuestion` gave; a verdict that was overtaken by another doubt makes nobody sure
   * @returns since when something spoke for it: since the change was heard, or since now
   */
  judge(refusal: Refusal | undefined, question: number): number {
    const since = this.doubtedAt ?? performance.now();
    this.refusal = refusal;
    this.settle(question === this.doubts, true);
    if (!refusal) this.close();
    return since;
  }

  cannotBeJudged(): void {
    this.settle(true, false);
  }

  /** Waits for the verdict, unless it is long in coming. */
  async judgedWithin(verdict: Promise<void>, timeoutMs: number): Promise<void> {
    const leftMs = timeoutMs - (performance.now() - this.askedAt);
    if (leftMs <= 0) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, leftMs);
    });
    await Promise.race([verdict, late]);
    clearTimeout(timer);
  }

  /** Unless it is served again by then. The time counts from `since`; a verdict that is repeated changes nothing. */
  takeAwayAfter(graceMs: number, since: number, takeAway: (refusal: Refusal) => void): void {
    const take = (): void => {
      this.takingAway = undefined;
      if (this.refusal) takeAway(this.refusal);
    };
    this.takingAway ??= setTimeout(take, graceMs - (performance.now() - since));
  }

  /** Nothing is taken away. */
  close(): void {
    clearTimeout(this.takingAway);
    this.takingAway = undefined;
  }

  private settle(sure: boolean, confirmed: boolean): void {
    this.judgedAt = performance.now();
    this.sure = sure;
    this.confirmed = confirmed;
    this.open = sure && confirmed && this.refusal === undefined;
    if (sure) this.doubtedAt = undefined;
  }
}
