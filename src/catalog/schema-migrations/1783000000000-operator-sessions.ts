import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Operators who sign in through an OpenID provider, and their sessions. Former releases ignore both. */
export class OperatorSessions1783000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE operators ADD COLUMN issuer text, ADD COLUMN subject text,
        ADD CHECK ((issuer IS NULL) = (subject IS NULL));
      CREATE UNIQUE INDEX operators_by_subject ON operators (issuer, subject);

      CREATE TABLE operator_sessions (
        id text PRIMARY KEY,
        operator_id uuid NOT NULL REFERENCES operators ON DELETE CASCADE,
        secret_hash text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz NOT NULL,
        ended_at timestamptz
      );
      CREATE INDEX operator_sessions_of_operator ON operator_sessions (operator_id);
      CREATE INDEX operator_sessions_by_expiry ON operator_sessions (expires_at);`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE operator_sessions;
      ALTER TABLE operators DROP COLUMN issuer, DROP COLUMN subject`);
  }
}
