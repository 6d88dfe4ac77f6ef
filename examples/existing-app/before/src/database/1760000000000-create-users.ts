import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateUsers1760000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE users (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        email text NOT NULL UNIQUE,
        password_hash text NOT NULL
      );
      CREATE TABLE memberships (
        user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        company text NOT NULL,
        role text NOT NULL,
        PRIMARY KEY (user_id, company)
      );
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE memberships; DROP TABLE users');
  }
}
