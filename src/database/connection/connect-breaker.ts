import { ExponentialBackoff } from 'cockatiel';
import { Breaker } from '../../platform/breaker.js';
import { exceededLimit } from './connection-failure.js';
import { UnsafeRoleError } from './connection.errors.js';

/** Consecutive failures to connect that open the breaker. */
const FAILURE_THRESHOLD = 3;
/** Delay before the first probe; it grows with each failed probe, up to `MAX_PROBE_DELAY_MS`. */
const INITIAL_PROBE_DELAY_MS = 500;
const MAX_PROBE_DELAY_MS = 2_000;

/**
 * Keeps callers from waiting for a target that does not accept connections. An `UnsafeRoleError` does not count as a
 * failure to connect, nor does a server that is full: it is alive.
 */
export class ConnectBreaker extends Breaker {
  constructor() {
    super({
      maxFailures: FAILURE_THRESHOLD,
      probeAfter: new ExponentialBackoff({ initialDelay: INITIAL_PROBE_DELAY_MS, maxDelay: MAX_PROBE_DELAY_MS }),
      isFailure: (error) => !(error instanceof UnsafeRoleError) && exceededLimit(error) === undefined,
    });
  }
}
