import { ReplicaScope, currentReplicaScope } from '../../database/statements/positions/replica-scope.js';
import { InvalidStalenessError } from '../../database/replicas/replicas.errors.js';
import { type CallContext, currentContext, runInContext } from '../../platform/context.js';

/** How a replica is read. */
export interface ReplicaReadOptions {
  /**
   * Milliseconds by which the replica may be behind, from 1,000 to 300,000; one that is further behind is not read. Default:
   * `REPLICA_MAX_STALENESS`. What the caller has written is never missing, whatever this says.
   */
  readonly maxStalenessMs?: number;
}

const LEAST_MS = 1_000;
const MOST_MS = 300_000;

/**
 * Runs `work`, and everything it awaits, where only reads are allowed and a replica will do.
 *
 * The context is one that inherits from the current one, whose tenant may be known only later.
 *
 * @throws InvalidStalenessError
 */
export function runInReplicaScope<T>(work: () => T, { maxStalenessMs }: ReplicaReadOptions): T {
  const outer = currentReplicaScope();
  if (maxStalenessMs !== undefined && !(maxStalenessMs >= LEAST_MS && maxStalenessMs <= MOST_MS))
    throw new InvalidStalenessError(LEAST_MS, MOST_MS);
  const scope = new ReplicaScope(maxStalenessMs ?? outer?.maxStalenessMs);
  scope.readsFrom = outer?.readsFrom;
  const context = Object.create(currentContext() ?? null, { replicaScope: { value: scope } }) as CallContext;
  return runInContext(context, work);
}
