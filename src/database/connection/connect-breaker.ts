import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  ExponentialBackoff,
  handleWhen,
} from 'cockatiel';
import { exceededLimit } from './connection-failure.js';
import { UnsafeRoleError } from './connection.errors.js';

/** Consecutive failures to connect that open the breaker. */
const FAILURE_THRESHOLD = 3;
/** Delay before the first probe; it grows with each failed probe, up to `MAX_PROBE_DELAY_MS`. */
const INITIAL_PROBE_DELAY_MS = 500;
const MAX_PROBE_DELAY_MS = 2_000;

export type BreakerState = 'closed' | 'open' | 'half-open';

const STATES: Readonly<Record<CircuitState, BreakerState>> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.Isolated]: 'open',
  [CircuitState.HalfOpen]: 'half-open',
};

/**
 * Keeps callers from waiting for a target that does not accept connections. After a delay one attempt probes the
 * target; until it succeeds, all other attempts are rejected. An `UnsafeRoleError` does not count as a failure to
 * connect, nor does a server that is full: it is alive.
 */
export class ConnectBreaker {
  private readonly policy = circuitBreaker(
    handleWhen((error) => !(error instanceof UnsafeRoleError) && exceededLimit(error) === undefined),
    {
      breaker: new ConsecutiveBreaker(FAILURE_THRESHOLD),
      halfOpenAfter: new ExponentialBackoff({ initialDelay: INITIAL_PROBE_DELAY_MS, maxDelay: MAX_PROBE_DELAY_MS }),
    },
  );

  get state(): BreakerState {
    return STATES[this.policy.state];
  }

  /** @throws the error of `connect`, or `BrokenCircuitError` without connecting while the breaker is open */
  run<T>(connect: () => Promise<T>): Promise<T> {
    // cockatiel would make this attempt wait for the probe.
    if (this.policy.state === CircuitState.HalfOpen) return Promise.reject(new BrokenCircuitError());
    return this.policy.execute(connect);
  }

  /** Whether the breaker rejected the attempt, so that no connection was tried. */
  static isRejection(error: unknown): boolean {
    return error instanceof BrokenCircuitError;
  }
}
