import { describe, expect, it } from '@jest/globals';
import { addsRows } from '../../../../src/database/sql-guard/adding-statements.js';

describe('a statement', () => {
  it.each([
    'INSERT INTO orders VALUES (1)',
    'insert/* of */into orders SELECT * FROM drafts',
    'WITH moved AS (DELETE FROM drafts RETURNING *) INSERT INTO orders SELECT * FROM moved',
    'WITH new AS (INSERT INTO orders VALUES (1) RETURNING id) SELECT id FROM new',
    'MERGE INTO orders o USING drafts d ON o.id = d.id WHEN NOT MATCHED THEN INSERT VALUES (d.id)',
    'INSERT INTO orders VALUES (1) ON CONFLICT DO NOTHING',
  ])('adds rows: %s', (text) => expect(addsRows(text)).toBe(true));

  it.each([
    'SELECT * FROM orders',
    'DELETE FROM orders',
    "UPDATE orders SET note = 'INSERT INTO x'",
    'DELETE FROM notes -- insert into nothing',
    'SELECT insert, merge FROM forms',
    'UPDATE forms SET "insert" = 1, "into" = 2',
    'MERGE INTO orders o USING drafts d ON o.id = d.id WHEN MATCHED THEN DELETE',
  ])('adds none: %s', (text) => expect(addsRows(text)).toBe(false));
});
