import { beforeEach, expect, it } from '@jest/globals';
import type { HttpRequest } from '../../../../src/http/requests/http-request.js';
import { setRequestState } from '../../../../src/http/requests/request-state.js';
import { newUsage } from '../../../../src/database/statements/usage.js';
import { RequestAdmission } from '../../../../src/tenant/access/request-admission.js';
import { RequestLimiter } from '../../../../src/tenant/limits/request-limiter.js';
import { PositionHeader } from '../../../../src/tenant/replicas/position-header.js';
import { AFTER } from '../../../support/encryption/rings.js';
import { newTenantContext } from '../../../support/tenant-context.js';

let now: number;
let admission: RequestAdmission;

beforeEach(() => {
  now = 0;
  const clock = { now: () => now, wallMs: () => now };
  admission = new RequestAdmission(
    newTenantContext(),
    new RequestLimiter(undefined, () => 1, clock),
    new PositionHeader(AFTER),
  );
});

/** A request of a tenant that may send two per second. */
function newRequest(): HttpRequest {
  const request = { headers: {} } as HttpRequest;
  const tenant = { id: 'acme', slug: 'acme' };
  const scope = { tenant, limits: { requestsPerSecond: 2 } };
  const caller = { kind: 'tenant', tenant, scope, principal: undefined, rejection: undefined } as const;
  setRequestState(request, { caller, usage: newUsage(), identifiedBy: admission });
  return request;
}

function admit(request: HttpRequest, access: 'tenant' | 'public' = 'tenant'): unknown {
  const response = { header: () => undefined, getHeader: () => undefined };
  return admission.admit(access, { getRequest: () => request, getResponse: () => response } as never);
}

it('counts a request once, however many guards it passes', () => {
  const request = newRequest();
  for (let guard = 0; guard < 5; guard += 1) expect(admit(request)).toBe(true);
  expect(admit(newRequest())).toBe(true);
  expect(() => admit(newRequest())).toThrow(expect.objectContaining({ code: 'RATE_LIMITED' }));
});

it('a refused request that is repeated is counted again, and not let through', () => {
  for (let request = 0; request < 2; request += 1) admit(newRequest());
  const refused = newRequest();
  for (let attempt = 0; attempt < 3; attempt += 1) {
    expect(() => admit(refused)).toThrow(expect.objectContaining({ code: 'RATE_LIMITED' }));
  }
  now = 2_000; // a second is refilled in the second behind it
  expect(admit(refused)).toBe(true);
});

it('does not count requests to public routes', () => {
  for (let request = 0; request < 5; request += 1) expect(admit(newRequest(), 'public')).toBe(true);
});
