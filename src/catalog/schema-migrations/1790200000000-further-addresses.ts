import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Addresses of a server's standbys, each of which may become the primary: a list of `{ "host": …, "port": … }`. */
export class FurtherAddresses1790200000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE servers ADD COLUMN further_addresses jsonb NOT NULL DEFAULT '[]'`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE servers DROP COLUMN further_addresses');
  }
}
