import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleWhen,
} from 'cockatiel';
import { UnsafeRoleError } from './connection.errors.js';

/** Failures to connect, one after the other, until nobody tries any more. */
const FAILURES = 3;
const FIRST_PROBE_MS = 500;
const LAST_PROBE_MS = 2_000;

export type BreakerState = 'closed' | 'open' | 'half-open';

const STATES: Readonly<Record<CircuitState, BreakerState>> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.Isolated]: 'open',
  [CircuitState.HalfOpen]: 'half-open',
};

/**
 * Keeps callers from waiting for a target that cannot be connected to. After a pause one of them tries again; while it
 * does the others are still refused, and let through when it has worked. A role that we refuse is no failure to connect.
 */
export class ConnectBreaker {
  private readonly policy = circuitBreaker(
    handleWhen((error) => !(error instanceof UnsafeRoleError)),
    {
      breaker: new ConsecutiveBreaker(FAILURES),
      halfOpenAfter: new ExponentialBackoff({ initialDelay: FIRST_PROBE_MS, maxDelay: LAST_PROBE_MS }),
    },
  );

  get state(): BreakerState {
    return STATES[this.policy.state];
  }

  /** @throws what `connect` throws, or an error of its own without trying */
  run<T>(connect: () => Promise<T>): Promise<T> {
    // cockatiel would let them wait for the one that tries.
    if (this.policy.state === CircuitState.HalfOpen) return Promise.reject(new BrokenCircuitError());
    return this.policy.execute(connect);
  }

  /** Whether the error says that nothing was tried. */
  static refused(error: unknown): boolean {
    return error instanceof BrokenCircuitError;
  }
}
