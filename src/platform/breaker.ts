import {
  BrokenCircuitError,
  circuitBreaker,
  CircuitState,
  ConsecutiveBreaker,
  handleWhen,
  type IBackoffFactory,
} from 'cockatiel';

export type BreakerState = 'closed' | 'open' | 'half-open';

const STATES: Readonly<Record<CircuitState, BreakerState>> = {
  [CircuitState.Closed]: 'closed',
  [CircuitState.Open]: 'open',
  [CircuitState.Isolated]: 'open',
  [CircuitState.HalfOpen]: 'half-open',
};

interface BreakerOptions {
  /** Consecutive failures that open it. */
  readonly maxFailures: number;
  /** Delay in ms before the attempt that probes whether it can close; may grow with each failed probe. */
  readonly probeAfter: number | IBackoffFactory<object>;
  /** Which errors are failures; by default all. */
  readonly isFailure?: (error: Error) => boolean;
}

/**
 * Keeps callers from waiting for a service that fails. After a delay one attempt probes the service; until that succeeds,
 * all other attempts are rejected.
 */
export class Breaker {
  private readonly policy;

  constructor({ maxFailures, probeAfter, isFailure = () => true }: BreakerOptions) {
    const breaker = new ConsecutiveBreaker(maxFailures);
    this.policy = circuitBreaker(handleWhen(isFailure), { breaker, halfOpenAfter: probeAfter });
  }

  get state(): BreakerState {
    return STATES[this.policy.state];
  }

  /** @throws the error of `work`, or one for which `isRejection` is true without running it while the breaker is open */
  run<T>(work: () => Promise<T>): Promise<T> {
    // cockatiel would make this attempt wait for the probe.
    if (this.policy.state === CircuitState.HalfOpen) return Promise.reject(new BrokenCircuitError());
    return this.policy.execute(work);
  }

  /** Whether a breaker rejected the attempt, so that nothing was tried. */
  static isRejection(error: unknown): boolean {
    return error instanceof BrokenCircuitError;
  }
}
