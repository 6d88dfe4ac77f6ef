import type pg from 'pg';
import type { TenantDatabase } from '../postgres/tenant-database.js';
import type { TestPool } from '../pool/test-pool.js';
import { clientOf, createNotesDatabase, type TestTenant, tenantIn } from './notes-database.js';

/** Two tenants that share tables. */
export const [one, two] = [tenantIn('shared'), tenantIn('shared')];
/** A comment in each text keeps it unknown to other specs of the same process. */
export const READ = `SELECT current_setting('app.tenant_id') AS tenant, $1::int AS n /* shared */`;
/** How often a text is sent until it is known to be quick: it has a name and its columns are known. */
const TIMES_PER_TENANT = 3;

export const numbers = (count: number): number[] => Array.from({ length: count }, (_, n) => n);

/** Statements of several tenants over one pool, which quick reads share connections of. */
export class SharingRig {
  /** Set by each spec. */
  pool!: TestPool;
  private texts = 0;

  private constructor(readonly database: TenantDatabase) {}

  static async create(): Promise<SharingRig> {
    return new SharingRig(await createNotesDatabase('shared'));
  }

  query(tenant: TestTenant, text: string, values: unknown[]): Promise<pg.QueryResult> {
    return clientOf(this.pool, tenant).query(text, values);
  }

  /** Sends the text until it is known to be quick. */
  async makeFamiliar(text: string, ...values: unknown[]): Promise<void> {
    for (let time = 0; time < TIMES_PER_TENANT; time += 1) {
      for (const tenant of [one, two]) await this.query(tenant, text, values);
    }
  }

  /** @returns a text that is known to be quick, and sleeps as many seconds as its first parameter says */
  async quickSoFar(): Promise<string> {
    const text = `SELECT pg_backend_pid() AS pid, $2::text AS who FROM pg_sleep($1) /* ${(this.texts += 1)} */`;
    await this.makeFamiliar(text, 0, 'familiar');
    return text;
  }

  async untilSleeping(): Promise<void> {
    const sleeping = `SELECT FROM pg_stat_activity WHERE usename = $1 AND wait_event = 'PgSleep'`;
    while ((await this.database.admin(sleeping, [this.database.role])).length === 0);
  }
}
