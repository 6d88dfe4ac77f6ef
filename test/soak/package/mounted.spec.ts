import type { RequestListener } from 'node:http';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { All, Controller, Req, Res } from '@nestjs/common';
import { ControlPlane, type HttpRequest, TenantScoped } from '../../../src/index.js';
import { HostApplication } from '../../support/host/host-application.js';
import { ADMIN_KEY } from '../../support/test-app.js';

let inner: HostApplication;
let outer: HostApplication;

/** Hands requests over to another application of the process, behind this one's guard. */
@Controller()
class MountController {
  @TenantScoped()
  @All('tenants/*path')
  forTenants(@Req() request: HttpRequest, @Res() response: object): void {
    handOver(request, response, '/tenants');
  }

  @ControlPlane()
  @All('operators/*path')
  forOperators(@Req() request: HttpRequest, @Res() response: object): void {
    handOver(request, response, '/operators');
  }
}

function handOver(request: HttpRequest, response: object, prefix: string): void {
  const serve = inner.nest.getHttpAdapter().getInstance() as RequestListener;
  serve(Object.assign(request, { url: request.url.slice(prefix.length) }) as never, response as never);
}

beforeAll(async () => {
  inner = await HostApplication.start({
    adapter: 'express',
    env: { ADMIN_API_KEY: 'key-of-the-inner-application-0123456789' },
  });
  outer = await HostApplication.start({ adapter: 'express', controllers: [MountController] });
});

afterAll(async () => {
  await outer.dispose();
  await inner.dispose();
});

it('an application identifies the callers of a request that another one of the process hands over', async () => {
  const { apiKey } = await outer.provision('acme', 'row');
  const send = (path: string, token: string) => outer.fetch(path, { headers: { authorization: `Bearer ${token}` } });
  expect((await send('/tenants/own', apiKey)).status).toBe(200);
  expect((await send('/tenants/notes', apiKey)).status).toBe(401);
  expect((await send('/operators/admin/v1/tenants', ADMIN_KEY)).status).toBe(401);
  const known = await inner.provision('acme', 'row');
  expect((await inner.fetch('/notes', { headers: { authorization: `Bearer ${known.apiKey}` } })).status).toBe(200);
});
