import type pg from 'pg';
import { currentContext } from '../../../platform/context.js';
import type { Statement } from '../statement.js';

declare module '../../../platform/context.js' {
  interface CallContext {
    /**
     * Set while the call only reads, and a replica will do.
     *
     * @internal
     */
    readonly replicaScope?: ReplicaScope | undefined;
  }
}

/** A part of a call that only reads. Once it has read from the primary it stays there, so that it never sees an older state. */
export class ReplicaScope {
  /** Where it has read; undefined before its first statement. */
  readsFrom: object | 'primary' | undefined;

  /** @param maxStalenessMs by how much a replica may be behind; undefined: as configured */
  constructor(readonly maxStalenessMs: number | undefined) {}
}

/** Undefined where the current call may write. */
export function currentReplicaScope(): ReplicaScope | undefined {
  return currentContext()?.replicaScope;
}

/** Sends a tenant's reads to a replica of its server, or to the server itself. */
export interface ReplicaReads {
  /** @throws the errors of a statement on the server itself, and ReplicaReadOnlyError */
  run(statement: Statement, scope: ReplicaScope): Promise<pg.QueryResult>;
}
