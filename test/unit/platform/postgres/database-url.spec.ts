import { expect, it } from '@jest/globals';
import { addressText, parseDatabaseUrl, withDatabase } from '../../../../src/platform/postgres/database-url.js';

it.each([
  ['one host without a port', 'postgres://u@pg-a/db', ['pg-a:5432']],
  [
    'several hosts, each with its own port',
    'postgres://u@pg-a:6000,pg-b,10.0.0.3:6001/db',
    ['pg-a:6000', 'pg-b:5432', '10.0.0.3:6001'],
  ],
  ['IPv6 addresses', 'postgresql://u@[::1]:6000,[fe80::1]/db', ['[::1]:6000', '[fe80::1]:5432']],
])('a database URL has %s', (_what, text, expected) => {
  expect(parseDatabaseUrl(text).addresses.map(addressText)).toEqual(expected);
});

it('login, database and parameters are the same for every host, and are decoded', () => {
  const url = parseDatabaseUrl('postgres://ann%40x:p%2C%2Fs@pg-a:1,pg-b:2/my%20db?sslmode=require&options=-c%20a%3D1');
  expect(url).toMatchObject({ role: 'ann@x', password: 'p,/s', database: 'my db' });
  expect(Object.fromEntries(url.parameters)).toEqual({ sslmode: 'require', options: '-c a=1' });
});

it('a password with an unencoded @ or comma is a password', () => {
  expect(parseDatabaseUrl('postgres://u:p@s,s@pg-a,pg-b/db')).toMatchObject({
    password: 'p@s,s',
    addresses: [{ host: 'pg-a' }, { host: 'pg-b' }],
  });
});

it('the URL of another database of a server keeps everything else', () => {
  expect(withDatabase('postgres://u:p@s@pg-a:1,pg-b/db?sslmode=require', 'my db')).toBe(
    'postgres://u:p@s@pg-a:1,pg-b/my%20db?sslmode=require',
  );
  expect(() => withDatabase('pg-a', 'db')).toThrow(TypeError);
});

it.each([
  'hunter2',
  'http://u:hunter2@pg-a/db',
  'postgres://u:hunter2@/db',
  'postgres://u:hunter2@pg-a,/db',
  'postgres://u:hunter2@pg-a:99999,pg-b/db',
  'postgres://u:hunter2@pg-a:x/db',
  'postgres://u:hunter2%@pg-a/db',
])('%s is refused by an error that does not have the text', (text) => {
  const failure = (() => {
    try {
      return parseDatabaseUrl(text);
    } catch (error) {
      return error as Error;
    }
  })();
  expect(failure).toBeInstanceOf(TypeError);
  expect(JSON.stringify([failure, (failure as Error).stack, { ...failure }])).not.toContain('hunter2');
});
