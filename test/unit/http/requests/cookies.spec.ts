import { expect, it } from '@jest/globals';
import { readCookie } from '../../../../src/http/requests/cookies.js';

it.each<[string | undefined, string | undefined]>([
  ['a=1; session=x.y_z; b=2', 'x.y_z'],
  ['session=x=y', 'x=y'],
  ['session=', ''],
  [undefined, undefined],
  ['', undefined],
  ['xsession=1; session2=2', undefined],
  ['session=own; session=of-a-sibling-domain', undefined],
  [`session=x; padding=${'p'.repeat(20_000)}`, undefined],
])('reads %j as %j', (header, value) => {
  expect(readCookie(header, 'session')).toBe(value);
});
