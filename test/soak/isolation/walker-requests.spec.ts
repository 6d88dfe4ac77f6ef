import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { checkTenantIsolation } from '../../../src/testing.js';
import { HostApplication } from '../../support/host/host-application.js';
import { LeakingRequestsModule } from '../../support/testing/leaks/leaking-requests.module.js';

let host: HostApplication;

beforeAll(async () => {
  host = await HostApplication.start({ adapter: 'express', imports: [LeakingRequestsModule as never] });
});

afterAll(async () => host.dispose());

it('the isolation check names leaks by any part of a request or answer', async () => {
  const classify = { routes: { 'GET /own': 'public' } } as const;
  const findings = await checkTenantIsolation(host.nest, { classify, answerTimeoutMs: 1000 });
  expect(findings.map(({ where, code }) => `${where} ${code}`).toSorted()).toEqual([
    'GET /memos/:memoId/copies/:copyId ROUTE_LEAKS',
    'GET /memos/by-header ROUTE_LEAKS',
    'GET /memos/error/:id ROUTE_LEAKS',
    'GET /memos/filtered ROUTE_LEAKS',
    'GET /memos/header ROUTE_LEAKS',
    'GET /memos/paged ROUTE_LEAKS',
    'GET /memos/redirected ROUTE_LEAKS',
    'GET /memos/touched/:tenant ROUTE_CHANGES_OTHER_TENANT',
    'GET /memos/uppercase ROUTE_LEAKS',
    'POST /memos/any ROUTE_LEAKS',
    'POST /memos/batch ROUTE_LEAKS',
  ]);
});
