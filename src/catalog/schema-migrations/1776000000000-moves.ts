import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Tenants whose rows are being moved to another place, or were moved and can still be moved back. Former releases ignore both:
 * their statements for such a tenant are refused by the database once its rows are elsewhere.
 */
export class Moves1776000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE tenants ADD COLUMN is_moving boolean NOT NULL DEFAULT false');
    await runner.query(`CREATE TABLE moves (
      tenant_id uuid PRIMARY KEY REFERENCES tenants,
      operation_id uuid NOT NULL,
      state text NOT NULL CHECK (state IN ('moving', 'moved', 'undoing', 'finishing')),
      from_isolation text NOT NULL,
      from_target_id uuid NOT NULL REFERENCES connection_targets,
      from_schema text NOT NULL,
      to_isolation text NOT NULL,
      to_target_id uuid NOT NULL REFERENCES connection_targets,
      to_schema text NOT NULL,
      created_at timestamptz NOT NULL DEFAULT now(),
      moved_at timestamptz
    )`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE moves');
    await runner.query('ALTER TABLE tenants DROP COLUMN is_moving');
  }
}
