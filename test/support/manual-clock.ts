/** A clock that a test turns on: the machine's own, and as much later as the test says. */
export class ManualClock {
  private skewMs = 0;

  readonly now = (): number => performance.now() + this.skewMs;

  advance(ms: number): void {
    this.skewMs += ms;
  }
}
