import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Operators of the control plane with their keys, and groups of tenants. Former releases ignore all of it. */
export class Operators1779000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE tenants ADD COLUMN groups text[] NOT NULL DEFAULT '{}';
      CREATE INDEX tenants_of_group ON tenants USING gin (groups);
      ALTER TABLE api_keys ADD COLUMN impersonated_by text, ADD COLUMN reason text;

      CREATE TABLE operators (
        id uuid PRIMARY KEY,
        name text NOT NULL,
        role text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
        tenant_ids uuid[],
        groups text[],
        created_at timestamptz NOT NULL DEFAULT now(),
        revoked_at timestamptz,
        CHECK ((tenant_ids IS NULL) = (groups IS NULL)),
        CHECK (role <> 'admin' OR groups IS NULL)
      );
      CREATE UNIQUE INDEX operators_by_name ON operators (name) WHERE revoked_at IS NULL;

      CREATE TABLE operator_keys (
        id text PRIMARY KEY,
        operator_id uuid NOT NULL REFERENCES operators ON DELETE CASCADE,
        secret_hash text NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        expires_at timestamptz,
        revoked_at timestamptz
      );
      CREATE INDEX operator_keys_of_operator ON operator_keys (operator_id);`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TABLE operator_keys, operators;
      ALTER TABLE api_keys DROP COLUMN impersonated_by, DROP COLUMN reason;
      ALTER TABLE tenants DROP COLUMN groups`);
  }
}
