import type pg from 'pg';
import type { LockRetry } from '../locks/lock-retry.js';

/**
 * These wait for other transactions while holding a lock that blocks neither readers nor writers. Aborted halfway they
 * leave an invalid index behind, so they run without a lock timeout.
 */
const CONCURRENT_DDL = /^\s*(?:CREATE|DROP|REINDEX|ALTER|REFRESH)\b.*\bCONCURRENTLY\b/is;

type ConnectCallback = (error: Error | null, client: MigrationClient, release: () => void) => void;

/** The single connection of a run, as TypeORM sees it. */
export class MigrationClient {
  constructor(
    private readonly client: pg.ClientBase,
    private readonly retry: LockRetry,
    /** Called with every statement before it is sent. */
    private readonly onStatement: (sql: string, values: readonly unknown[] | undefined) => void,
  ) {}

  /**
   * Outside a transaction a statement that gets no lock has had no effect and is retried on its own: the migration's
   * earlier statements are committed already, and must not run twice.
   */
  async query(statement: string | pg.Submittable, values?: unknown[]): Promise<unknown> {
    if (typeof statement !== 'string') return this.client.query(statement);
    this.onStatement(statement, values);
    if (!this.isOutsideTransaction) return this.client.query(statement, values);
    if (CONCURRENT_DDL.test(statement)) return this.withoutLockTimeout(statement, values);
    return this.retry.run(
      () => this.client.query(statement, values),
      () => this.isOutsideTransaction,
    );
  }

  /** TypeORM listens for errors of the connection; its provider handles them already. */
  on(): void {}

  removeListener(): void {}

  private get isOutsideTransaction(): boolean {
    return this.client.getTransactionStatus() === 'I';
  }

  private async withoutLockTimeout(statement: string, values: unknown[] | undefined): Promise<unknown> {
    const { rows } = await this.client.query<{ before: string }>(`SELECT current_setting('lock_timeout') AS before`);
    await this.client.query('SET lock_timeout = 0');
    const result = await this.client.query(statement, values);
    await this.client.query(`SELECT set_config('lock_timeout', $1, false)`, [rows[0]?.before]);
    return result;
  }
}

/** Stands in for TypeORM's `pg.Pool`: it has a single client, which its provider closes. */
export class SingleClientPool {
  constructor(private readonly client: MigrationClient) {}

  connect(callback: ConnectCallback): void {
    callback(null, this.client, () => undefined);
  }

  end(callback: (error: Error | null) => void): void {
    callback(null);
  }
}
