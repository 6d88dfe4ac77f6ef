import type pg from 'pg';
import type { LockRetry } from './lock-retry.js';

/**
 * These wait for the transactions of others while they hold a lock that stops no reader and no writer. Given up in the
 * middle, they leave an invalid index behind, so they may take their time.
 */
const CONCURRENT_DDL = /^\s*(?:CREATE|DROP|REINDEX|ALTER|REFRESH)\b.*\bCONCURRENTLY\b/is;

type ConnectCallback = (error: Error | null, client: MigrationClient, release: () => void) => void;

/** The one connection of a run, as TypeORM sees it. */
export class MigrationClient {
  constructor(
    private readonly client: pg.ClientBase,
    private readonly retry: LockRetry,
    /** Told of every statement before it is sent. */
    private readonly observe: (sql: string, values: readonly unknown[] | undefined) => void,
  ) {}

  /**
   * Outside a transaction a statement that gets no lock has done nothing, and is tried again by itself: what the same
   * migration did before it is done, and must not run twice.
   */
  async query(statement: string | pg.Submittable, values?: unknown[]): Promise<unknown> {
    if (typeof statement !== 'string') return this.client.query(statement);
    this.observe(statement, values);
    if (!this.isOutsideTransaction) return this.client.query(statement, values);
    if (CONCURRENT_DDL.test(statement)) return this.withoutLockTimeout(statement, values);
    return this.retry.run(
      () => this.client.query(statement, values),
      () => this.isOutsideTransaction,
    );
  }

  /** TypeORM listens for errors of the connection; whoever lent it does so already. */
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

/** What TypeORM's driver takes for a `pg.Pool`: it has the one client, and whoever lent it closes it. */
export class SingleClientPool {
  constructor(private readonly client: MigrationClient) {}

  connect(callback: ConnectCallback): void {
    callback(null, this.client, () => undefined);
  }

  end(callback: (error: Error | null) => void): void {
    callback(null);
  }
}
