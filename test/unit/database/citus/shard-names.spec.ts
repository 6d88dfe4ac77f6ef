import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { restoreNames } from '../../../../src/database/citus/shard-names.js';

function restored(code: string, message: string, given: Partial<pg.DatabaseError> = {}): Partial<pg.DatabaseError> {
  const error = Object.assign(new pg.DatabaseError(message, message.length, 'error'), { code, ...given });
  restoreNames(error);
  const { constraint, table, column } = error;
  return { constraint, table, column };
}

describe('the names in an error of a shard', () => {
  it.each([
    [
      '23505',
      'duplicate key value violates unique constraint "orders_number_key_102054"',
      'orders_number_key',
      undefined,
    ],
    [
      '23503',
      'insert or update on table "orders_102054" violates foreign key constraint "orders_customer_id_fkey_102054"',
      'orders_customer_id_fkey',
      'orders',
    ],
    [
      '23503',
      'update or delete on table "customers_102008" violates foreign key constraint "orders_customer_id_fkey_102054" on table "orders_102054"',
      'orders_customer_id_fkey',
      'orders',
    ],
    [
      '23514',
      'new row for relation "order_lines_102061" violates check constraint "lines_2_check_102061"',
      'lines_2_check',
      'order_lines',
    ],
  ])('are those of the table for %s', (code, message, constraint, table) => {
    expect(restored(code, message)).toEqual({ constraint, table, column: undefined });
  });

  it('are the table and the column of a missing value', () => {
    const message = 'null value in column "body" of relation "notes_102008" violates not-null constraint';
    expect(restored('23502', message)).toEqual({ constraint: undefined, table: 'notes', column: 'body' });
  });

  it('stay as they are where the server has given them, and in other errors', () => {
    const message = 'duplicate key value violates unique constraint "key_2024"';
    expect(restored('23505', message, { constraint: 'key_2024', table: 'years' })).toEqual({
      constraint: 'key_2024',
      table: 'years',
      column: undefined,
    });
    expect(restored('42P01', 'relation "notes_102008" does not exist')).toEqual({
      constraint: undefined,
      table: undefined,
      column: undefined,
    });
  });
});
