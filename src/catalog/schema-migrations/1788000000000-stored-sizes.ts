import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What each tenant has stored, as it was last measured; the round of measurements that one instance at a time makes; and what was
 * measured, per hour. Former releases ignore all of it.
 */
export class StoredSizes1788000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE stored_sizes (
        tenant_id uuid PRIMARY KEY REFERENCES tenants ON DELETE CASCADE,
        bytes bigint NOT NULL,
        rows bigint NOT NULL,
        is_estimated boolean NOT NULL,
        measured_at timestamptz NOT NULL,
        -- What measuring this tenant alone has taken; 0 when all of a place were measured.
        took_ms integer NOT NULL,
        -- Since when an instance waits for another measurement.
        wanted_at timestamptz
      );
      CREATE INDEX stored_sizes_wanted ON stored_sizes (wanted_at) WHERE wanted_at IS NOT NULL;

      CREATE TABLE size_rounds (
        is_only boolean PRIMARY KEY DEFAULT true CHECK (is_only),
        next_at timestamptz NOT NULL,
        started_at timestamptz,
        -- The instance that measures, and until when it does unless it renews that.
        holder uuid,
        held_until timestamptz NOT NULL DEFAULT 'epoch',
        -- The last place that was measured; null between two rounds.
        target_id uuid,
        schema_name text
      );
      INSERT INTO size_rounds (next_at) VALUES (now() + interval '5 minutes');

      ALTER TABLE usage_hours ADD COLUMN stored_bytes bigint;`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE usage_hours DROP COLUMN stored_bytes;
      DROP TABLE stored_sizes, size_rounds`);
  }
}
