import type pg from 'pg';
import { runWithoutContext } from '../../platform/run-without-context.js';
import { ReadOnlyServerError } from '../connection/connection.errors.js';
import { sendOnClient } from '../statements/client-flights.js';

const INTERVAL_MS = 2_000;

/** The server's value, whatever the session has set itself. A demoted server delivers no notifications to its sessions. */
const ASK = `SELECT pg_catalog.pg_is_in_recovery() AS standby, reset_val = 'on' AS "readOnly"
  FROM pg_catalog.pg_settings WHERE name = 'default_transaction_read_only'`;

interface Answer {
  readonly standby: boolean;
  readonly readOnly: boolean;
}

/**
 * Asks now and then whether the server of a session that only listens still accepts writes: without a statement, neither
 * a demoted server nor one that vanished is noticed.
 */
export class ListeningWatch {
  private readonly timer: NodeJS.Timeout;

  /** @param askWhenIdle called every 2 s, to call `assertPrimary` unless the session is in use */
  constructor(askWhenIdle: () => void) {
    this.timer = runWithoutContext(() => setInterval(askWhenIdle, INTERVAL_MS).unref());
  }

  /** @throws ReadOnlyServerError, or the error of node-postgres */
  static async assertPrimary(client: pg.ClientBase): Promise<void> {
    const { rows } = await sendOnClient(client, {}, { text: ASK });
    const { standby, readOnly } = rows[0] as Answer;
    if (standby || readOnly) throw new ReadOnlyServerError(standby);
  }

  stop(): void {
    clearInterval(this.timer);
  }
}
