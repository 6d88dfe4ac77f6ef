import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Central tables: ordinary ones, without `tenant_id` and policies. */
export class CreateAccounts1764000002000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      CREATE TABLE users (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        email text NOT NULL UNIQUE CHECK (email = lower(email)),
        password_hash text NOT NULL)`);
    await runner.query(`
      CREATE TABLE memberships (
        user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        tenant_id uuid NOT NULL,
        role text NOT NULL CHECK (role IN ('admin', 'member')),
        PRIMARY KEY (user_id, tenant_id))`);
    await runner.query('CREATE INDEX memberships_tenant_id ON memberships (tenant_id)');
    await runner.query(`
      CREATE TABLE sessions (
        token_hash bytea PRIMARY KEY,
        user_id uuid NOT NULL REFERENCES users ON DELETE CASCADE,
        expires_at timestamptz(3) NOT NULL)`);
    await runner.query('CREATE INDEX sessions_user_id ON sessions (user_id, expires_at)');
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['sessions', 'memberships', 'users']) await runner.query(`DROP TABLE ${table}`);
  }
}
