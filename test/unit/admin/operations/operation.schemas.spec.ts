import { describe, expect, it } from '@jest/globals';
import { operationFilter } from '../../../../src/admin/operations/operation.schemas.js';

describe('operationFilter', () => {
  it("accepts a tenant's id in upper case, as paths do", () => {
    const tenant = '0B3E7A5C-8C1D-4D6E-9F00-1A2B3C4D5E6F';
    expect(operationFilter.parse({ tenant })).toMatchObject({ tenant });
  });

  it('refuses what is neither a slug nor an id', () => {
    expect(operationFilter.safeParse({ tenant: 'No Tenant' }).success).toBe(false);
  });
});
