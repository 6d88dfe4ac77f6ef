import type { MigrationInterface, QueryRunner } from 'typeorm';

/** When exports expire. Those of former releases have no such time: they were to stay until they are removed. */
export class ExportExpiry1785000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE exports ADD COLUMN expires_at timestamptz');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE exports DROP COLUMN expires_at');
  }
}
