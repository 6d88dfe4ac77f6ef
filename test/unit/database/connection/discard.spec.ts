import { expect, it } from '@jest/globals';
import pg from 'pg';
import { discardReason } from '../../../../src/database/connection/connection-failure.js';

function fromServer(code: string, severity = 'ERROR'): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError('no', 2, 'error'), { code, severity });
}

it.each(['23505', '22012', '57014', '40001', '42601', '25P02'])(
  'a connection is kept after the statement error %s',
  (code) => {
    expect(discardReason(fromServer(code))).toBeUndefined();
  },
);

it.each(['08006', '08P01', '57P01', '57P02', '57P03', '57P05', '25006', 'XX000', 'XX001'])(
  'a connection is discarded after %s',
  (code) => {
    expect(discardReason(fromServer(code))).toContain(code);
  },
);

it('a connection is discarded after a FATAL error and after any error that the server did not report', () => {
  expect(discardReason(fromServer('25P03', 'FATAL'))).toBe('no');
  expect(discardReason(new Error('Query read timeout'))).toBe('Query read timeout');
  expect(discardReason('confused')).toBeDefined();
});
