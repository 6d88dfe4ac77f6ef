import pg from 'pg';
import { LockRetry, lockFailure } from '../locks/lock-retry.js';
import { withSchemaLock } from '../locks/schema-lock.js';
import { ensureIsolationFunctions, ISOLATION_SCHEMA } from '../../isolation/isolation-functions.js';
import { AdoptionLockedError, AdoptionStateError, AdoptionStepError } from './adoption.errors.js';
import { AdoptionRecords, type RecordedAdoption, type RecordedStep } from './adoption-records.js';
import type { AdoptionStep } from './adoption-step.js';
import { fillTable } from './fill-table.js';
import { MIGRATIONS_TABLE } from '../versions/recorded-migrations.js';

export interface AdoptionProgress {
  /** `orders: fill`. */
  readonly step: string;
  readonly done: number;
  readonly total: number;
}

export interface AdoptionRunOptions {
  readonly signal?: AbortSignal | undefined;
  /** Attempts of a step that does not get its locks, in total. Default: 60. */
  readonly attempts?: number;
  /** Called when a step begins, and while one fills a table. */
  readonly onProgress?: (progress: AdoptionProgress) => void;
  /** Called when a step gives way to other transactions. */
  readonly onRetry?: (step: string, attempt: number) => void;
}

const ATTEMPTS = 60;
/** In ms. Statements of the application queue behind a lock that is waited for. */
const SHORT_WAIT_MS = 500;
/** Attempts before a step that locks one table waits a little longer than `deadlock_timeout`, when autovacuum gives way. */
const SHORT_ATTEMPTS = 3;
const MAX_WAIT_MS = 1_400;

/** Runs, finishes and takes back the adoption of one schema. Each method continues where it, or a crash, has stopped. */
export class AdoptionRun {
  private readonly records: AdoptionRecords;

  /** @param client connected as the owner of the tables, not in a transaction */
  constructor(
    private readonly client: pg.ClientBase,
    private readonly schema: string,
    private readonly options: AdoptionRunOptions = {},
  ) {
    this.records = new AdoptionRecords(client, schema);
  }

  /**
   * @param plan computes the steps, when none are recorded yet
   * @param prepare gives the database the functions that policies call
   * @throws AdoptionLockedError, TenantlessRowsError, AdoptionStepError, AdoptionStateError
   */
  run(
    plan: () => Promise<readonly AdoptionStep[]>,
    prepare: () => Promise<void> = () => ensureIsolationFunctions(this.client, 'refused'),
  ): Promise<void> {
    return this.locked(async () => {
      let adoption = await this.records.read();
      if (!adoption) {
        await this.records.begin(await plan());
        adoption = await this.read();
      }
      if (adoption.state === 'undoing')
        throw new AdoptionStateError('the adoption is being taken back: run `adopt undo` again');
      if (adoption.state !== 'adopting') return;
      await prepare();
      await this.each(
        adoption.steps.filter(({ isDone }) => !isDone),
        (recorded) => this.runStep(recorded),
      );
      await this.records.setState('adopted');
    });
  }

  /** Drops what only the former application needs. @throws AdoptionLockedError, AdoptionStepError, AdoptionStateError */
  finish(): Promise<void> {
    return this.locked(async () => {
      const adoption = await this.records.read();
      if (!adoption) return;
      if (adoption.state === 'adopting' || adoption.state === 'undoing') {
        throw new AdoptionStateError('the adoption is not complete: run `adopt run` first');
      }
      await this.records.setState('finishing');
      const left = adoption.steps.filter(({ isFinished }) => !isFinished);
      await this.each(
        left.toSorted((a, b) => a.step.finishOrder - b.step.finishOrder || a.position - b.position),
        (recorded) =>
          this.transaction(recorded, locksOf(recorded), recorded.step.finish, () =>
            this.records.finished(recorded.position),
          ),
      );
      await this.records.end();
    });
  }

  /** Whether an adoption was begun, and neither finished nor taken back. */
  async isRecorded(): Promise<boolean> {
    return (await this.records.read()) !== undefined;
  }

  /** Whether there is an adoption to take back. @throws AdoptionStateError when it is too late */
  async isUndoable(): Promise<boolean> {
    const adoption = await this.records.read();
    if (adoption?.state === 'finishing') {
      throw new AdoptionStateError('the adoption is being finished and cannot be taken back: run `adopt finish` again');
    }
    return adoption !== undefined;
  }

  /** Leaves the schema as it was. @throws AdoptionLockedError, AdoptionStepError, AdoptionStateError */
  undo(): Promise<void> {
    return this.locked(async () => {
      const adoption = await this.records.read();
      if (!adoption || !(await this.isUndoable())) return;
      await this.records.setState('undoing');
      await this.each(adoption.steps.toReversed(), (recorded) => this.undoStep(recorded));
      if (!adoption.hadMigrations) await this.client.query(`DROP TABLE IF EXISTS ${MIGRATIONS_TABLE}`);
      await this.records.end();
      if (!adoption.hadIsolation) await this.dropUnusedIsolation();
    });
  }

  private async locked(work: () => Promise<void>): Promise<void> {
    await withSchemaLock(this.client, this.schema, this.options.signal, async () => {
      // The definitions of indexes leave the names of the schema's own types and functions unqualified.
      await this.client.query(`SELECT set_config('search_path', quote_ident($1), false)`, [this.schema]);
      await work();
    });
  }

  private async read(): Promise<RecordedAdoption> {
    const adoption = await this.records.read();
    if (!adoption) throw new Error('no adoption is recorded after one was begun');
    return adoption;
  }

  private async each(steps: readonly RecordedStep[], work: (step: RecordedStep) => Promise<void>): Promise<void> {
    for (const [index, recorded] of steps.entries()) {
      this.options.signal?.throwIfAborted();
      this.options.onProgress?.({ step: nameOf(recorded), done: index, total: steps.length });
      await work(recorded);
    }
  }

  private async runStep(recorded: RecordedStep): Promise<void> {
    const { step, position } = recorded;
    if (step.fill) await this.fill(recorded, step.fill);
    if (step.concurrently) await this.makeIndex(recorded, step.concurrently);
    await this.transaction(recorded, step.locks, step.run, () => this.records.done(position));
  }

  private async fill(recorded: RecordedStep, fill: NonNullable<AdoptionStep['fill']>): Promise<void> {
    const { signal, onProgress } = this.options;
    const step = nameOf(recorded);
    await fillTable(this.client, fill, this.records, recorded, {
      signal,
      onProgress: (done, total) => onProgress?.({ step, done, total }),
    });
  }

  /** An index that a killed process left invalid is dropped first. */
  private async makeIndex(
    recorded: RecordedStep,
    { statement, makes }: NonNullable<AdoptionStep['concurrently']>,
  ): Promise<void> {
    const { rows } = await this.client.query<{ valid: boolean }>(
      'SELECT indisvalid AS valid FROM pg_index WHERE indexrelid = to_regclass($1)',
      [makes],
    );
    if (rows[0]?.valid) return;
    // No lock timeout: these wait while they block neither readers nor writers.
    await this.client.query(`SELECT set_config('lock_timeout', '0', false)`);
    await new LockRetry({ attempts: this.attempts, signal: this.options.signal })
      .run(
        async () => {
          await this.client.query(`DROP INDEX CONCURRENTLY IF EXISTS ${makes}`);
          await this.client.query(statement);
        },
        () => true,
      )
      .catch((error: unknown) => this.fail(recorded, error));
  }

  private async undoStep(recorded: RecordedStep): Promise<void> {
    const { step, position, isDone } = recorded;
    // A step outside a transaction, or one that fills, may have had a part of its effect.
    const statements = isDone || step.concurrently ? step.undo : [];
    await this.transaction(recorded, locksOf(recorded), statements, () => this.records.undone(position));
  }

  /** All of a step, with its record, or nothing. */
  private async transaction(
    recorded: RecordedStep,
    locks: AdoptionStep['locks'],
    statements: readonly string[],
    record: () => Promise<void>,
  ): Promise<void> {
    let attempt = 0;
    const retry = new LockRetry({
      attempts: this.attempts,
      signal: this.options.signal,
      onRetry: (failed) => this.options.onRetry?.(nameOf(recorded), failed),
    });
    const attemptOnce = async (): Promise<void> => {
      attempt += 1;
      await this.client.query('BEGIN');
      try {
        await this.client.query(`SELECT set_config('lock_timeout', $1, true)`, [await this.waitMs(attempt, locks)]);
        for (const statement of statements) await this.client.query(statement);
        await record();
        await this.client.query('COMMIT');
      } catch (error) {
        await this.client.query('ROLLBACK').catch(() => undefined); // on a lost connection, the server has rolled back
        throw error;
      }
    };
    await retry.run(attemptOnce, () => true).catch((error: unknown) => this.fail(recorded, error));
  }

  /**
   * Below `deadlock_timeout` a wait ends before PostgreSQL could choose a statement of the application as a deadlock's victim.
   * A step that locks one table cannot be part of one, and may wait until autovacuum gives way, which is after that time.
   */
  private async waitMs(attempt: number, locks: AdoptionStep['locks']): Promise<string> {
    const { rows } = await this.client.query<{ ms: number }>(
      `SELECT setting::int AS ms FROM pg_settings WHERE name = 'deadlock_timeout'`,
    );
    const deadlockMs = rows[0]?.ms ?? 1_000;
    if (locks < 2 && attempt > SHORT_ATTEMPTS) return String(Math.min(MAX_WAIT_MS, deadlockMs + 250));
    return String(Math.max(1, Math.min(SHORT_WAIT_MS, Math.floor(deadlockMs / 2))));
  }

  private get attempts(): number {
    return this.options.attempts ?? ATTEMPTS;
  }

  private fail(recorded: RecordedStep, error: unknown): never {
    this.options.signal?.throwIfAborted();
    if (lockFailure(error)) throw new AdoptionLockedError(nameOf(recorded), error);
    if (error instanceof pg.DatabaseError) throw new AdoptionStepError(nameOf(recorded), error.message, error);
    throw error;
  }

  private async dropUnusedIsolation(): Promise<void> {
    await this.client.query(
      `DO $$ BEGIN
         IF NOT EXISTS (SELECT FROM pg_policy p WHERE pg_get_expr(coalesce(p.polqual, p.polwithcheck), p.polrelid) LIKE '%${ISOLATION_SCHEMA}.%')
         THEN DROP SCHEMA IF EXISTS ${ISOLATION_SCHEMA} CASCADE; END IF;
       END $$`,
    );
  }
}

/** Of what finishes a step or takes it back. */
function locksOf({ step }: RecordedStep): 1 | 2 {
  return step.locks === 2 ? 2 : 1;
}

function nameOf({ step: { table, name } }: RecordedStep): string {
  return `${table}: ${name}`;
}
