import { describe, expect, it } from '@jest/globals';
import type { Caller } from '../../../../src/tenant/identification/caller.js';
import { finalRejectionOf } from '../../../../src/tenant/transports/final-rejection.js';

const CALLER = { kind: 'tenant', tenant: { id: 'acme' } } as unknown as Caller;

describe('the caller of an open call', () => {
  it('is served while it works for the tenant that the call was opened for', () => {
    expect(finalRejectionOf(CALLER, 'acme')).toBeUndefined();
    expect(finalRejectionOf(CALLER)).toBeUndefined();
  });

  it('is refused once its resolver says another tenant', () => {
    expect(finalRejectionOf(CALLER, 'globex')).toMatchObject({ code: 'UNAUTHENTICATED' });
  });
});
