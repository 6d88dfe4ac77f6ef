import type pg from 'pg';
import type { OperationFailure, OperationStatus } from '../catalog/entities/operation.entity.js';

/** The columns of an operation's row that running it needs. */
export interface OperationRow {
  readonly id: string;
  readonly kind: string;
  readonly status: OperationStatus;
  readonly tenant_id: string | null;
  readonly subject: string;
  readonly input: unknown;
  readonly state: Readonly<Record<string, string>>;
  readonly finished_steps: readonly string[];
  readonly attempts: number;
  readonly cancel_requested: boolean;
  readonly created_at: Date;
}

/** Records the progress of an operation, over the connection that holds its lock. */
export class OperationRecord {
  constructor(
    private readonly client: pg.ClientBase,
    readonly id: string,
  ) {}

  /** Starts or resumes the operation. Returns `undefined` when it has already ended. */
  async begin(instance: string): Promise<OperationRow | undefined> {
    const { rows } = await this.client.query<OperationRow>(
      `UPDATE operations SET status = 'running', instance = $2, attempts = attempts + 1, heartbeat_at = now(),
              started_at = coalesce(started_at, now())
       WHERE id = $1 AND status IN ('pending', 'running') AND run_after <= now() RETURNING *`,
      [this.id, instance],
    );
    return rows[0];
  }

  /** Records that a step begins and that the previous ones are finished. Finishing a step resets `attempts`. */
  async beginStep(step: string, finished: readonly string[]): Promise<void> {
    await this.client.query(
      `UPDATE operations SET step = $2, finished_steps = $3, done = NULL, total = NULL, error = NULL,
              heartbeat_at = now(), attempts = CASE WHEN finished_steps = $3 THEN attempts ELSE 0 END
       WHERE id = $1`,
      [this.id, step, finished],
    );
  }

  /** Records the steps that this release has: an earlier one may have created the operation. */
  async setSteps(steps: readonly string[]): Promise<void> {
    await this.client.query('UPDATE operations SET steps = $2 WHERE id = $1 AND steps <> $2', [this.id, steps]);
  }

  async saveState(values: Readonly<Record<string, string>>): Promise<void> {
    await this.client.query('UPDATE operations SET state = state || $2 WHERE id = $1', [this.id, values]);
  }

  async addResult(result: Readonly<Record<string, unknown>>): Promise<void> {
    await this.client.query("UPDATE operations SET result = coalesce(result, '{}') || $2 WHERE id = $1", [
      this.id,
      result,
    ]);
  }

  /**
   * Records a heartbeat and the progress within the step; progress resets `attempts`.
   *
   * @returns whether a cancellation was requested
   */
  async heartbeat(done: number | null, total: number | null): Promise<boolean> {
    const { rows } = await this.client.query<{ cancel_requested: boolean }>(
      `UPDATE operations SET heartbeat_at = now(), done = $2, total = $3,
              attempts = CASE WHEN done IS DISTINCT FROM $2 THEN 0 ELSE attempts END
       WHERE id = $1 RETURNING cancel_requested`,
      [this.id, done, total],
    );
    return rows[0]?.cancel_requested === true;
  }

  async succeed(finished: readonly string[]): Promise<void> {
    await this.client.query(
      `UPDATE operations SET status = 'succeeded', step = NULL, finished_steps = $2, error = NULL, state = '{}',
              done = NULL, total = NULL, heartbeat_at = now(), finished_at = now()
       WHERE id = $1`,
      [this.id, finished],
    );
  }

  /** Ends the operation as failed or cancelled. */
  async end(status: 'failed' | 'cancelled', failure: OperationFailure | null): Promise<void> {
    await this.client.query(
      'UPDATE operations SET status = $2, error = $3, heartbeat_at = now(), finished_at = now() WHERE id = $1',
      [this.id, status, failure],
    );
  }

  /**
   * Schedules an automatic retry in the given number of seconds.
   *
   * @param isCounted false where the step itself counts its attempts
   */
  async postpone(seconds: number, failure: OperationFailure, isCounted = true): Promise<void> {
    await this.client.query(
      `UPDATE operations SET status = 'pending', error = $3, heartbeat_at = now(),
              run_after = now() + make_interval(secs => $2), attempts = CASE WHEN $4 THEN attempts ELSE 0 END WHERE id = $1`,
      [this.id, seconds, failure, isCounted],
    );
  }
}
