import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * The key with which stamps for a target's database are signed, whether the database refuses stamps without a proof, and
 * the version of the policies on a tenant's tables. Former releases ignore these columns.
 */
export class SignedStamps1766000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE connection_targets ADD COLUMN stamp_key_sealed text, ADD COLUMN stamps_enforced boolean NOT NULL DEFAULT false',
    );
    await runner.query('ALTER TABLE tenants ADD COLUMN policy_version integer NOT NULL DEFAULT 0');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE tenants DROP COLUMN policy_version');
    await runner.query('ALTER TABLE connection_targets DROP COLUMN stamp_key_sealed, DROP COLUMN stamps_enforced');
  }
}
