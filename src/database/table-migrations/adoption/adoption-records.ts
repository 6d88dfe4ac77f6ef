import type pg from 'pg';
import { createSchemaSql } from '../../../platform/postgres/create-schema.js';
import { ISOLATION_SCHEMA } from '../../isolation/isolation-functions.js';
import { MIGRATIONS_TABLE } from '../versions/recorded-migrations.js';
import { ADOPTION_SCHEMA, type AdoptionStep } from './adoption-step.js';

/** `adopting` until all steps are done; `adopted` until it is finished or taken back. */
export type AdoptionState = 'adopting' | 'adopted' | 'finishing' | 'undoing';

export interface RecordedStep {
  readonly position: number;
  readonly step: AdoptionStep;
  /** The next block of the table to fill. */
  readonly cursor: number;
  readonly isDone: boolean;
  readonly isFinished: boolean;
}

export interface RecordedAdoption {
  readonly state: AdoptionState;
  /** Whether the schema of isolation was there before. */
  readonly hadIsolation: boolean;
  /** Whether the schema had a record of migrations before. */
  readonly hadMigrations: boolean;
  readonly steps: readonly RecordedStep[];
}

const TABLES = `
  ${createSchemaSql(ADOPTION_SCHEMA)};
  REVOKE ALL ON SCHEMA ${ADOPTION_SCHEMA} FROM PUBLIC;
  CREATE TABLE IF NOT EXISTS ${ADOPTION_SCHEMA}.adoptions (
    schema text PRIMARY KEY,
    state text NOT NULL CHECK (state IN ('adopting', 'adopted', 'finishing', 'undoing')),
    had_isolation boolean NOT NULL,
    had_migrations boolean NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now()
  );
  CREATE TABLE IF NOT EXISTS ${ADOPTION_SCHEMA}.steps (
    schema text NOT NULL REFERENCES ${ADOPTION_SCHEMA}.adoptions ON DELETE CASCADE,
    position integer NOT NULL,
    step jsonb NOT NULL,
    cursor bigint NOT NULL DEFAULT 0,
    done_at timestamptz,
    finished_at timestamptz,
    PRIMARY KEY (schema, position)
  )`;

/** The record of an adoption, in the adopted database: what was planned and how far it has come. */
export class AdoptionRecords {
  constructor(
    private readonly client: pg.ClientBase,
    readonly schema: string,
  ) {}

  /** Undefined when the schema is not being adopted. */
  async read(): Promise<RecordedAdoption | undefined> {
    const { rows: present } = await this.client.query<{ present: boolean }>(
      `SELECT to_regclass('${ADOPTION_SCHEMA}.steps') IS NOT NULL AS present`,
    );
    if (!present[0]?.present) return undefined;
    const { rows } = await this.client.query<Omit<RecordedAdoption, 'steps'>>(
      `SELECT state, had_isolation AS "hadIsolation", had_migrations AS "hadMigrations" FROM ${ADOPTION_SCHEMA}.adoptions WHERE schema = $1`,
      [this.schema],
    );
    if (!rows[0]) return undefined;
    const { rows: steps } = await this.client.query<Omit<RecordedStep, 'cursor'> & { cursor: string }>(
      `SELECT position, step, cursor, done_at IS NOT NULL AS "isDone", finished_at IS NOT NULL AS "isFinished"
       FROM ${ADOPTION_SCHEMA}.steps WHERE schema = $1 ORDER BY position`,
      [this.schema],
    );
    return { ...rows[0], steps: steps.map((step) => ({ ...step, cursor: Number(step.cursor) })) };
  }

  /** Records all steps at once, before the first one runs. */
  async begin(steps: readonly AdoptionStep[]): Promise<void> {
    await this.client.query('BEGIN');
    try {
      await this.client.query(TABLES);
      await this.client.query(
        `INSERT INTO ${ADOPTION_SCHEMA}.adoptions (schema, state, had_isolation, had_migrations)
         VALUES ($1, 'adopting', to_regnamespace('${ISOLATION_SCHEMA}') IS NOT NULL, to_regclass(format('%I.${MIGRATIONS_TABLE}', $1::text)) IS NOT NULL)`,
        [this.schema],
      );
      await this.client.query(
        `INSERT INTO ${ADOPTION_SCHEMA}.steps (schema, position, step)
         SELECT $1, n, s FROM jsonb_array_elements($2::jsonb) WITH ORDINALITY e (s, n)`,
        [this.schema, JSON.stringify(steps)],
      );
      await this.client.query('COMMIT');
    } catch (error) {
      await this.client.query('ROLLBACK').catch(() => undefined); // on a lost connection, the server has rolled back
      throw error;
    }
  }

  async setState(state: AdoptionState): Promise<void> {
    await this.client.query(`UPDATE ${ADOPTION_SCHEMA}.adoptions SET state = $2 WHERE schema = $1`, [
      this.schema,
      state,
    ]);
  }

  /** For the transaction of a step. */
  async done(position: number): Promise<void> {
    await this.update(position, 'done_at = now()');
  }

  /** The same for finishing it. */
  async finished(position: number): Promise<void> {
    await this.update(position, 'finished_at = now()');
  }

  /** The same for taking it back. */
  async undone(position: number): Promise<void> {
    await this.client.query(`DELETE FROM ${ADOPTION_SCHEMA}.steps WHERE schema = $1 AND position = $2`, [
      this.schema,
      position,
    ]);
  }

  async saveCursor(position: number, cursor: number): Promise<void> {
    await this.update(position, `cursor = ${cursor}`);
  }

  /** Forgets the adoption, and drops the records when there is no other in the database. */
  async end(): Promise<void> {
    await this.client.query(`DELETE FROM ${ADOPTION_SCHEMA}.adoptions WHERE schema = $1`, [this.schema]);
    await this.client.query(
      `DO $$ BEGIN
         IF NOT EXISTS (SELECT FROM ${ADOPTION_SCHEMA}.adoptions) THEN DROP SCHEMA ${ADOPTION_SCHEMA} CASCADE; END IF;
       END $$`,
    );
  }

  private async update(position: number, change: string): Promise<void> {
    await this.client.query(`UPDATE ${ADOPTION_SCHEMA}.steps SET ${change} WHERE schema = $1 AND position = $2`, [
      this.schema,
      position,
    ]);
  }
}
