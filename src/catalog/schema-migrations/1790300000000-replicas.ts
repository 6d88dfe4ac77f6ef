import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Where the read replicas of a server listen: a list of `{ host, port }`. */
export class Replicas1790300000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query("ALTER TABLE servers ADD COLUMN replicas jsonb NOT NULL DEFAULT '[]'");
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE servers DROP COLUMN replicas');
  }
}
