import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * When exports expire: those of former releases have no such time, because they were to stay until they are removed. And an index
 * for each tenant's last drill, which metrics read. And which of the workers of a move may switch its tenant: the last that has come
 * to the switch; a former one may wake up.
 */
export class ArchiveUpkeep1785000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      ALTER TABLE exports ADD COLUMN expires_at timestamptz;
      ALTER TABLE moves ADD COLUMN switching uuid;
      CREATE INDEX operations_drills ON operations (tenant_id, created_at DESC, id DESC) WHERE kind = 'drill'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      'DROP INDEX operations_drills; ALTER TABLE moves DROP COLUMN switching; ALTER TABLE exports DROP COLUMN expires_at',
    );
  }
}
