import { HttpException, HttpStatus, Injectable } from '@nestjs/common';

const WINDOW_MS = 60_000;
/** Failures within a window: of one address with one email, and of one address with any. */
const MAX_PER_EMAIL = 5;
const MAX_PER_ADDRESS = 20;
/** What failed longest ago is forgotten for a further one. */
const MAX_ENTRIES = 10_000;

interface Failures {
  readonly sinceMs: number;
  count: number;
}

/** Bounds how often passwords can be guessed, per process. An email alone is not blocked: anybody could lock its user out. */
@Injectable()
export class SignInAttempts {
  private readonly failures = new Map<string, Failures>();

  /** @throws HttpException 429 after too many failures */
  assertAllowed(address: string, email: string): void {
    if (this.countOf(address) < MAX_PER_ADDRESS && this.countOf(`${address} ${email}`) < MAX_PER_EMAIL) return;
    throw new HttpException('too many failed sign-ins: try again in a minute', HttpStatus.TOO_MANY_REQUESTS);
  }

  /** Counted before the password is compared, so that guesses at the same time count, too. @returns takes it back */
  begin(address: string, email: string): () => void {
    this.assertAllowed(address, email);
    const keys = [address, `${address} ${email}`];
    for (const key of keys) this.add(key, 1);
    return () => keys.forEach((key) => this.add(key, -1));
  }

  private countOf(key: string): number {
    return this.current(key)?.count ?? 0;
  }

  private add(key: string, count: number): void {
    const failures = this.current(key) ?? { sinceMs: performance.now(), count: 0 };
    failures.count = Math.max(0, failures.count + count);
    this.failures.delete(key);
    this.failures.set(key, failures);
    const [oldest] = this.failures.keys();
    if (this.failures.size > MAX_ENTRIES && oldest !== undefined) this.failures.delete(oldest);
  }

  private current(key: string): Failures | undefined {
    const known = this.failures.get(key);
    return known && performance.now() - known.sinceMs < WINDOW_MS ? known : undefined;
  }
}
