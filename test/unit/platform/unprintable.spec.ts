import { expect, it } from '@jest/globals';
import { MissingMembershipError } from '../../../src/admin/provisioning/provisioning.errors.js';
import { shownName } from '../../../src/platform/errors/request.errors.js';
import { hasUnprintable } from '../../../src/platform/unprintable.js';

it.each([
  ['a\u009B31mb', String.raw`"a\u009b31mb"`],
  ['a\u202Eb', String.raw`"a\u202eb"`],
  ['a\u{E0001}b', String.raw`"a\udb40\udc01b"`],
])('a name in an error is shown with its control and format characters escaped: %j', (name, shown) => {
  expect(shownName(name)).toBe(shown);
  expect(hasUnprintable(name)).toBe(true);
});

it('a name without them is shown as it is', () => {
  expect(shownName('zoë')).toBe('"zoë"');
  expect(hasUnprintable('zoë')).toBe(false);
});

it('SQL in an error quotes names as PostgreSQL does', () => {
  expect(new MissingMembershipError('a"b', 'c', undefined).message).toContain('GRANT "a""b" TO "c"');
});
