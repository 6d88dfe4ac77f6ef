import pg from 'pg';
import { asSuperuser, testServer } from '../postgres/postgres.js';
import { tradeOf } from './large-application.js';

const PASSWORD = 'of-the-former-application';
const SAMPLE_MS = 10;

/** Where one of its workers writes, and for whom. */
export interface Trade {
  readonly database: string;
  readonly schema: string;
  readonly company?: number;
}

/** The existing application: plain node-postgres, one connection per place, writing without pause, as a role that owns nothing. */
export class FormerApplication {
  readonly failures: string[] = [];
  statements = 0;
  longestMs = 0;
  /** The longest that a statement of it waited for a lock, as the server reports it. */
  longestLockWaitMs = 0;
  private isStopped = false;
  private running: Promise<unknown> = Promise.resolve();

  private constructor(readonly role: string) {}

  static async create(
    role: string,
    places: readonly { readonly database: string; readonly schemas: readonly string[] }[],
  ): Promise<FormerApplication> {
    await asSuperuser('postgres', `CREATE ROLE ${role} LOGIN PASSWORD '${PASSWORD}'`);
    for (const { database, schemas } of places) {
      for (const schema of schemas) {
        await asSuperuser(
          database,
          `GRANT USAGE ON SCHEMA ${schema} TO ${role};
           GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA ${schema} TO ${role};
           GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO ${role}`,
        );
      }
    }
    return new FormerApplication(role);
  }

  start(trades: readonly Trade[]): void {
    this.isStopped = false;
    this.running = Promise.all([...trades.map((trade, worker) => this.work(trade, worker)), this.watchLocks()]);
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.running;
  }

  private async work({ database, schema, company }: Trade, worker: number): Promise<void> {
    const { host, port } = testServer();
    const client = new pg.Client({ host, port, user: this.role, password: PASSWORD, database });
    client.on('error', (error) => void this.failures.push(`connection: ${error.message}`));
    await client.connect();
    await client.query(`SET search_path = ${schema}`);
    for (let turn = Math.floor(Math.random() * 1_000_000); !this.isStopped; turn += 1) {
      for (const [text, values] of tradeOf(company, worker, turn)) {
        const startedAt = performance.now();
        try {
          await client.query(text, values);
        } catch (error) {
          this.failures.push(`${text}: ${(error as pg.DatabaseError).code} ${(error as Error).message}`);
          await client.query('ROLLBACK');
        }
        this.statements += 1;
        this.longestMs = Math.max(this.longestMs, performance.now() - startedAt);
      }
    }
    await client.end();
  }

  private async watchLocks(): Promise<void> {
    const { host, port, superuser: user, superuserPassword: password } = testServer();
    const observer = new pg.Client({ host, port, user, password, database: 'postgres' });
    await observer.connect();
    while (!this.isStopped) {
      const { rows } = await observer.query<{ ms: number }>(
        `SELECT coalesce(max(extract(epoch FROM clock_timestamp() - l.waitstart)) * 1000, 0)::float8 AS ms
         FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted AND a.usename = $1`,
        [this.role],
      );
      this.longestLockWaitMs = Math.max(this.longestLockWaitMs, rows[0]?.ms ?? 0);
      await new Promise((resolve) => setTimeout(resolve, SAMPLE_MS));
    }
    await observer.end();
  }
}
