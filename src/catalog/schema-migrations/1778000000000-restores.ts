import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Of a move whose rows come from a backup. Former releases ignore it: they take such a move back as any other one, and find no
 * change to apply, because none is noted.
 */
export class Restores1778000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE moves ADD COLUMN backup_id uuid');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE moves DROP COLUMN backup_id');
  }
}
