import { expect, it } from '@jest/globals';
import pg from 'pg';
import { exceededLimit } from '../../../../src/database/connection/connection-failure.js';

function databaseError(fields: { code: string; message?: string; routine?: string }): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError(fields.message ?? '', 0, 'error'), fields);
}

it.each([
  ['InitProcess', 'server'],
  ['InitPostgres', 'server'],
  ['ProcessStartupPacket', 'server'],
  ['InitializeSessionUserId', 'role'],
  ['CheckMyDatabase', 'database'],
])('a refusal by %s is one by the limit of the %s', (routine, limit) => {
  expect(exceededLimit(databaseError({ code: '53300', routine }))).toBe(limit);
});

it.each([
  ['no more connections allowed (max_client_conn)', 'unknown'],
  ['too many connections for role "app"', 'unknown'],
  ['server login has been failing, try again later (server_login_retry)', undefined],
])('of PgBouncer, "%s" is a limit: %s', (message, limit) => {
  expect(exceededLimit(databaseError({ code: '08P01', message }))).toBe(limit);
});

it('other errors are none', () => {
  expect(exceededLimit(databaseError({ code: '57P03', routine: 'ProcessStartupPacket' }))).toBeUndefined();
  expect(exceededLimit(new Error('sorry, too many clients already'))).toBeUndefined();
});
