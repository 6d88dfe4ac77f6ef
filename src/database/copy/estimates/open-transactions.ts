import type pg from 'pg';

/** A transaction under way in a database. PostgreSQL shows other roles' sessions in part: what it hides is null. */
export interface OpenTransaction {
  /** Unique while the server runs. */
  readonly id: string;
  /** Null for a prepared one, which has no session. */
  readonly pid: number | null;
  readonly role: string | null;
  readonly application: string | null;
  /** As in `pg_stat_activity`; `prepared` for one that waits for COMMIT PREPARED. */
  readonly state: string | null;
  readonly seconds: number | null;
}

const TRANSACTIONS = `
  SELECT l.virtualxid AS id, a.pid, a.usename AS role, nullif(a.application_name, '') AS application, a.state,
         extract(epoch FROM clock_timestamp() - a.xact_start)::float8 AS seconds
  FROM pg_locks l JOIN pg_stat_activity a USING (pid)
  WHERE l.locktype = 'virtualxid' AND a.datname = current_database() AND pid <> pg_backend_pid()
  UNION ALL
  SELECT gid, NULL, owner, NULL, 'prepared', extract(epoch FROM clock_timestamp() - prepared)::float8
  FROM pg_prepared_xacts WHERE database = current_database()`;

/** All transactions under way in the client's database but its own: a move waits for those that began before it. */
export async function openTransactions(client: pg.ClientBase): Promise<OpenTransaction[]> {
  return (await client.query<OpenTransaction>(TRANSACTIONS)).rows;
}
