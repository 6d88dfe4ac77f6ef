import type { MigrationInterface, QueryRunner } from 'typeorm';
import { createReferenceTable, dropReferenceTable } from '../../index.js';

/** The first rows; `tenantry reference-data publish countries` changes them for all tenants. */
const FIRST_ROWS = `
  INSERT INTO countries (code, name) VALUES
    ('AT', 'Austria'), ('BE', 'Belgium'), ('CH', 'Switzerland'), ('DE', 'Germany'), ('DK', 'Denmark'), ('ES', 'Spain'),
    ('FR', 'France'), ('GB', 'United Kingdom'), ('IT', 'Italy'), ('NL', 'Netherlands'), ('PL', 'Poland'), ('US', 'United States')`;

export class CreateCountries1764000002000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await createReferenceTable(runner, 'countries', {
      columns: { code: 'text NOT NULL', name: 'text NOT NULL' },
      primaryKey: ['code'],
      checks: { code: `code ~ '^[A-Z]{2}$'` },
    });
    await runner.query(FIRST_ROWS);
    await runner.query(
      'ALTER TABLE customers ADD COLUMN country text CONSTRAINT customers_country_fkey REFERENCES countries (code)',
    );
    await runner.query('CREATE INDEX customers_country_idx ON customers (tenant_id, country)');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE customers DROP COLUMN country');
    await dropReferenceTable(runner, 'countries');
  }
}
