import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { CredentialResolver, type HttpRequest, type ResolvedTenant, type TenantResolver } from '../../../src/index.js';
import { HostApplication } from '../../support/host/host-application.js';
import { ADMIN_KEY, type TestTenant } from '../../support/test-app.js';

/** Accepts sessions of the application beside API keys. */
@Injectable()
class SessionResolver implements TenantResolver {
  constructor(private readonly credentials: CredentialResolver) {}

  async resolve(request: HttpRequest): Promise<ResolvedTenant | undefined> {
    const [, user] = /^Bearer session-of-([a-z]+)-/.exec(request.headers.authorization ?? '') ?? [];
    const known = await this.credentials.resolve(request).catch(() => undefined);
    return known ?? (user === undefined ? undefined : { tenant: user, principal: { user } });
  }
}

let app: HostApplication;
let acme: TestTenant;

const send = (path: string, token: string): Promise<Response> =>
  app.fetch(path, { headers: { authorization: `Bearer ${token}` } });

beforeAll(async () => {
  app = await HostApplication.start({ adapter: 'express', tenantry: { resolver: SessionResolver } });
  acme = await app.provision('acme', 'row');
});

afterAll(async () => app.dispose());

it('accepts API keys of tenants, and no admin key', async () => {
  expect((await send('/notes', acme.apiKey)).status).toBe(200);
  expect((await send('/notes', ADMIN_KEY)).status).toBe(401);
});

it('does not take the sessions of an application’s users for guesses of the admin key', async () => {
  for (let user = 0; user < 12; user += 1) {
    expect((await send('/notes', `session-of-acme-${user}`)).status).toBe(200);
  }
  expect((await send('/admin/v1/tenants', ADMIN_KEY)).status).toBe(200);
});
