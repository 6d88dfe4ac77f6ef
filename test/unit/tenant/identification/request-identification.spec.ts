import { describe, expect, it } from '@jest/globals';
import type { HttpRequest } from '../../../../src/http/requests/http-request.js';
import type { AppConfig } from '../../../../src/platform/config/app-config.js';
import type { Authenticator } from '../../../../src/tenant/identification/authenticator.js';
import { callerOf, RequestIdentification } from '../../../../src/tenant/identification/request-identification.js';

describe('a resolver whose handles() throws', () => {
  const failure = new TypeError('of handles');
  const resolver = {
    handles: (): never => {
      throw failure;
    },
    resolve: () => ({ tenant: 'acme' }),
  };
  const byCredential = { identify: () => ({ kind: 'operator' }) } as unknown as Authenticator;
  const identification = new RequestIdentification({ http: {}, security: {} } as AppConfig, byCredential, resolver);
  const refused = { kind: 'refused', rejection: failure };

  it('refuses the request, and leaves it to no credential', async () => {
    const request = { headers: {} } as HttpRequest;
    expect(await identification.tenantCaller(request)).toEqual(refused);
    expect(callerOf(request)).toEqual(refused);
  });

  it('refuses the messages of an open connection', async () => {
    expect(await identification.currentCaller({ headers: {} } as HttpRequest, 'resolver')).toEqual(refused);
  });
});
