/** The machine's clock, ahead by as much as a test has advanced it. */
export class ManualClock {
  private skewMs = 0;

  readonly now = (): number => performance.now() + this.skewMs;

  advance(ms: number): void {
    this.skewMs += ms;
  }
}
