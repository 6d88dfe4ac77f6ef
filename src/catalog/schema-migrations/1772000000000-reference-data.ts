import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Published versions of reference tables, and which one each set of tables has. Only the newest version of a table keeps its
 * rows: an older one is not written any more.
 */
export class ReferenceData1772000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE reference_versions (
        table_name text NOT NULL,
        version integer NOT NULL CHECK (version > 0),
        rows jsonb,
        row_count integer NOT NULL,
        checksum text NOT NULL,
        published_by text NOT NULL,
        published_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (table_name, version)
      );
      CREATE UNIQUE INDEX reference_versions_current ON reference_versions (table_name) WHERE rows IS NOT NULL;
      CREATE TABLE reference_places (
        table_name text NOT NULL,
        target_id uuid NOT NULL REFERENCES connection_targets ON DELETE CASCADE,
        schema_name text NOT NULL,
        version integer NOT NULL DEFAULT 0,
        error jsonb,
        changed_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (table_name, target_id, schema_name)
      );`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE reference_places; DROP TABLE reference_versions');
  }
}
