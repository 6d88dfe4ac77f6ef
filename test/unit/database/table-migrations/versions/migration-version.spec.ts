import { expect, it } from '@jest/globals';
import { isBehind } from '../../../../../src/database/table-migrations/versions/migration-version.js';

it.each([
  ['the same migration', 'CreateOrders1764000001000', 'CreateOrders1764000001000', false],
  ['an older one, whatever the names are', 'ZLast1764000000000', 'AFirst1764000001000', true],
  ['a newer one', 'AFirst1764000002000', 'ZLast1764000001000', false],
  ['the same one by another name', 'Renamed1764000001000', 'CreateOrders1764000001000', false],
  ['tables without a recorded migration', null, 'CreateOrders1764000001000', true],
  ['tables without migrations', 'none', 'CreateOrders1764000001000', true],
  ['code without migrations', 'none', 'none', false],
  ['code without migrations, over tables that have some', 'CreateOrders1764000001000', 'none', false],
  ['a name without a timestamp', 'written by hand', 'CreateOrders1764000001000', true],
])('isBehind compares %s: %s with %s is %s', (_, recorded, needed, expected) => {
  expect(isBehind(recorded, needed)).toBe(expected);
});
