import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Whether an operator made a target's database and login role. Former releases ignore the column, and make none for it. */
export class ProvidedTargets1769000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE connection_targets ADD COLUMN provided boolean NOT NULL DEFAULT false');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE connection_targets DROP COLUMN provided');
  }
}
