import type pg from 'pg';
import { CHANGES, COPIED, GATES, gateLockSql } from './gate-objects.js';

/**
 * What a database does with a tenant's statements during a move. `arriving`: its rows are being brought, nothing is noted.
 * `open`: its writes are noted. `closed`: its rows are elsewhere, and its writes are refused.
 */
export type GateState = 'arriving' | 'open' | 'closed';

const LOCK_NOT_AVAILABLE = '55P03';
/** The gate of one tenant at one place, in a database with `ensureGateObjects`. */
export class TenantGate {
  /** @param client connected as the owner of the tenant tables, not in a transaction; the lock is its session's */
  constructor(
    private readonly client: pg.ClientBase,
    private readonly tenantId: string,
    private readonly schema: string,
  ) {}

  private get place(): [tenantId: string, schema: string] {
    return [this.tenantId, this.schema];
  }

  async set(state: GateState): Promise<void> {
    await this.client.query(
      `INSERT INTO ${GATES} (tenant_id, schema, state) VALUES ($1, $2, $3)
       ON CONFLICT (tenant_id, schema) DO UPDATE SET state = excluded.state`,
      [...this.place, state],
    );
    if (state === 'open') await this.noteOlderTransactions();
  }

  /** Undefined where there is none. */
  async state(): Promise<GateState | undefined> {
    const { rows: tables } = await this.client.query<{ exists: boolean }>(
      'SELECT to_regclass($1) IS NOT NULL AS exists',
      [GATES],
    );
    if (tables[0]?.exists !== true) return undefined;
    const { rows } = await this.client.query<{ state: GateState }>(
      `SELECT state FROM ${GATES} WHERE tenant_id = $1 AND schema = $2`,
      this.place,
    );
    return rows[0]?.state;
  }

  /** A statement of its own: what begins after it sees the gate. */
  private async noteOlderTransactions(): Promise<void> {
    await this.client.query(
      `UPDATE ${GATES} SET older = ARRAY(
         SELECT l.virtualxid FROM pg_locks l JOIN pg_stat_activity a USING (pid)
         WHERE l.locktype = 'virtualxid' AND a.datname = current_database() AND pid <> pg_backend_pid())
       WHERE tenant_id = $1 AND schema = $2`,
      this.place,
    );
  }

  /** Removes the gate, what was noted, and how far a copy had come. */
  async remove(): Promise<void> {
    for (const table of [GATES, CHANGES, COPIED]) {
      await this.client.query(`DELETE FROM ${table} WHERE tenant_id = $1 AND schema = $2`, this.place);
    }
  }

  /** How many keys are noted. */
  async changes(): Promise<number> {
    const { rows } = await this.client.query<{ changes: number }>(
      `SELECT count(*)::int AS changes FROM ${CHANGES} WHERE tenant_id = $1 AND schema = $2`,
      this.place,
    );
    return rows[0]?.changes ?? 0;
  }

  /**
   * Whether a transaction is under way in this database that began before the gate was there: it may have a snapshot in which
   * there is no gate. The locks on virtual transaction ids say so: every role may see these, but not when the transactions of
   * another role began.
   */
  async hasOlderTransactions(): Promise<boolean> {
    const { rows } = await this.client.query<{ older: boolean }>(
      `SELECT EXISTS (SELECT FROM pg_locks l JOIN ${GATES} g ON l.virtualxid = ANY (g.older)
                      WHERE l.locktype = 'virtualxid' AND g.tenant_id = $1 AND g.schema = $2)
           OR EXISTS (SELECT FROM pg_prepared_xacts p WHERE p.database = current_database()) AS older`,
      this.place,
    );
    return rows[0]?.older === true;
  }

  /**
   * Waits for all transactions that hold the gate; from then on the tenant's writes and transactions wait.
   *
   * @param waitMs how long those that ask for the gate behind us wait before they get it, when we do not
   * @returns false when some of them are still under way: then nothing waits
   */
  async tryLock(waitMs: number): Promise<boolean> {
    await this.client.query(`SET lock_timeout = ${waitMs}`);
    try {
      await this.client.query(`SELECT pg_advisory_lock(${gateLockSql('$1::text', '$2::text')})`, this.place);
      return true;
    } catch (error) {
      if ((error as { code?: unknown }).code === LOCK_NOT_AVAILABLE) return false;
      throw error;
    } finally {
      await this.client.query('RESET lock_timeout');
    }
  }

  async unlock(): Promise<void> {
    await this.client.query(`SELECT pg_advisory_unlock(${gateLockSql('$1::text', '$2::text')})`, this.place);
  }
}
