import { describe, expect, it } from '@jest/globals';
import { parseResolverResult, ResolverResultError } from '../../../../src/tenant/identification/tenant-resolver.js';

describe('the result of a tenant resolver', () => {
  it('may leave out the principal', () => {
    expect(parseResolverResult({ tenant: 'acme' })).toEqual({ tenant: 'acme' });
  });

  it('is refused without a tenant', () => {
    expect(() => parseResolverResult({ principal: 'ada' })).toThrow(ResolverResultError);
  });
});
