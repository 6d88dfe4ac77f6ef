import type pg from 'pg';
import type { ConnectionPool } from '../pool/connection-pool.js';
import { Lease } from './lease.js';
import { SessionEndedError, TransactionAlreadyOpenError } from './session.errors.js';
import { localStampCommands, type Stamp } from './stamp.js';
import { runStamped } from './stamped-query.js';
import { classifyStatement, type Statement } from './statement.js';
import { failSubmittable, leaseForSubmittable, submittableText } from './submittable.js';

type Callback = (error: Error | null, result?: pg.QueryResult) => void;

/** What `query` accepts: text and values, node-postgres' config object, or a cursor or stream. */
export type QueryInput = string | pg.QueryConfig | pg.Submittable;

/**
 * A tenant's connection as TypeORM sees it, with nothing behind it until it is needed: a statement outside a
 * transaction borrows a physical connection for its one flight; `BEGIN` leases one until `COMMIT` or `ROLLBACK`.
 */
export class StampedClient {
  private lease: Promise<Lease> | undefined;
  private ended = false;

  constructor(
    private readonly pool: ConnectionPool,
    private readonly stamp: Stamp,
  ) {}

  query<S extends pg.Submittable>(submittable: S): S;
  query(input: string | pg.QueryConfig, values?: readonly unknown[]): Promise<pg.QueryResult>;
  query(input: string | pg.QueryConfig, values: readonly unknown[] | undefined, callback: Callback): void;
  query(input: QueryInput, values?: readonly unknown[], callback?: Callback): unknown {
    if (isSubmittable(input)) return this.submit(input);
    const statement = toStatement(input, values);
    const result = this.run(statement);
    if (!callback) return result;
    result.then(
      (answer) => callback(null, answer),
      (error: unknown) => callback(error as Error),
    );
    return undefined;
  }

  /** Gives everything back. A transaction that is still open is rolled back by closing its connection. */
  release(): void {
    this.ended = true;
    const lease = this.takeLease();
    // A lease that could not be begun has nothing to give back, and its caller was told.
    lease?.then((held) => held.giveBack()).catch(() => undefined);
  }

  // TypeORM listens for errors of an idle connection. There is none here: whoever waits on a statement is told.
  on(): this {
    return this;
  }

  removeListener(): this {
    return this;
  }

  private async run(statement: Statement): Promise<pg.QueryResult> {
    if (this.ended) throw new SessionEndedError();
    const kind = classifyStatement(statement.text, this.lease !== undefined);
    switch (kind) {
      case 'begin':
        return this.begin(statement);
      case 'commit':
      case 'rollback':
        return this.endTransaction(statement, kind);
      case 'plain':
        return this.lease ? (await this.lease).query(statement) : this.runAlone(statement);
    }
  }

  private async begin(statement: Statement): Promise<pg.QueryResult> {
    if (this.lease) throw new TransactionAlreadyOpenError();
    this.lease = this.openLease(statement.text);
    try {
      await this.lease;
    } catch (error) {
      this.lease = undefined;
      throw error;
    }
    return emptyResult('BEGIN');
  }

  /** Without a transaction these are no-ops, as they are in PostgreSQL. */
  private async endTransaction(statement: Statement, kind: 'commit' | 'rollback'): Promise<pg.QueryResult> {
    const lease = this.takeLease();
    return lease ? (await lease).end(statement) : emptyResult(kind.toUpperCase());
  }

  private async runAlone(statement: Statement): Promise<pg.QueryResult> {
    return runStamped(await this.pool.acquire(), this.stamp, statement);
  }

  private submit<S extends pg.Submittable>(submittable: S): S {
    if (this.ended) throw new SessionEndedError();
    const text = submittableText(submittable);
    classifyStatement(text, this.lease !== undefined);
    if (this.lease) {
      this.lease
        .then((lease) => lease.submit(submittable))
        .catch((error: unknown) => failSubmittable(submittable, error));
    } else {
      void leaseForSubmittable(submittable, () => this.openLease('BEGIN'));
    }
    return submittable;
  }

  private async openLease(begin: string): Promise<Lease> {
    const connection = await this.pool.acquire();
    return Lease.begin(connection, `${begin.replace(/[;\s]+$/, '')}; ${localStampCommands(this.stamp)}`);
  }

  private takeLease(): Promise<Lease> | undefined {
    const lease = this.lease;
    this.lease = undefined;
    return lease;
  }
}

function isSubmittable(input: QueryInput): input is pg.Submittable {
  return typeof input === 'object' && 'submit' in input;
}

function toStatement(input: string | pg.QueryConfig, values: readonly unknown[] | undefined): Statement {
  return typeof input === 'string' ? { text: input, values } : { ...input, values: values ?? input.values };
}

function emptyResult(command: string): pg.QueryResult {
  return { command, rowCount: null, oid: 0, fields: [], rows: [] };
}
