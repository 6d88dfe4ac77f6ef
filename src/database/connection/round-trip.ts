/** A server that is now nearer or further away is noticed after this time at the latest. */
const WINDOW_MS = 10_000;
/** How often a measurement is worth its few bytes. */
const INTERVAL_MS = 1_000;

/** How long a message and its reply are under way to one address: the shortest time measured lately. */
export class RoundTrip {
  /** 0 until it has been measured. */
  ms = 0;
  private current = Infinity;
  private previous = Infinity;
  private halfSince = -Infinity;
  private dueAt = -Infinity;

  /** Whether the caller should measure it now; if so, others need not for a second. */
  isDue(now: number): boolean {
    if (now < this.dueAt) return false;
    this.dueAt = now + INTERVAL_MS;
    return true;
  }

  record(ms: number, now: number): void {
    if (now - this.halfSince >= WINDOW_MS / 2) {
      this.previous = now - this.halfSince >= WINDOW_MS ? Infinity : this.current;
      this.current = Infinity;
      this.halfSince = now;
    }
    this.current = Math.min(this.current, ms);
    this.ms = Math.min(this.current, this.previous);
  }
}

const roundTrips = new Map<string, RoundTrip>();

/** The round trip to an address, which all connections to it measure together. */
export function roundTripTo({ host, port }: { readonly host: string; readonly port: number }): RoundTrip {
  const address = `${host}:${port}`;
  let roundTrip = roundTrips.get(address);
  if (!roundTrip) roundTrips.set(address, (roundTrip = new RoundTrip()));
  return roundTrip;
}
