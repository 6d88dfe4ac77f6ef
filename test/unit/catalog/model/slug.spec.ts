import { describe, expect, it } from '@jest/globals';
import { isSlug } from '../../../../src/catalog/model/slug.js';

describe('a tenant slug', () => {
  it.each(['a', 'acme', 'acme-2', 'deleted-files', 'a'.repeat(63)])('can be %j', (text) =>
    expect(isSlug(text)).toBe(true),
  );

  it.each([
    ...['', '1acme', '-acme', 'acme-', 'Acme', 'ac me', 'acme.com', "a'; DROP TABLE tenants", 'аcme', 'acme\n'],
    ...['a'.repeat(64), 'www', 'admin', 'api', 'deleted-0123abcd'],
  ])('cannot be %j', (text) => expect(isSlug(text)).toBe(false));
});
