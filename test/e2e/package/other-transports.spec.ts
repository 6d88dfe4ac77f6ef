import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Injectable } from '@nestjs/common';
import { ExternalContextCreator } from '@nestjs/core';
import { ControlPlane, Public, TenantScoped } from '../../../src/index.js';
import { HostApplication } from '../../support/host/host-application.js';

/** As a resolver of `@nestjs/graphql`: guarded by Nest, and called without HTTP's request and response. */
@TenantScoped()
@Injectable()
class ScopedHandlers {
  scoped(): string {
    return 'scoped';
  }

  @ControlPlane()
  controlPlane(): string {
    return 'control plane';
  }

  @Public()
  open(): string {
    return 'open';
  }
}

let app: HostApplication;

beforeAll(async () => {
  app = await HostApplication.start({ adapter: 'express', providers: [ScopedHandlers] });
});

afterAll(async () => app.dispose());

async function call(name: 'scoped' | 'controlPlane' | 'open'): Promise<unknown> {
  const handlers = app.nest.get(ScopedHandlers);
  const contexts = app.nest.get(ExternalContextCreator, { strict: false });
  const handler = contexts.create(
    handlers,
    handlers[name],
    name,
    '',
    undefined,
    undefined,
    undefined,
    undefined,
    'graphql',
  );
  return handler({}, {}, {}, {});
}

it('handlers that are a tenant’s or the control plane’s are not open to callers over another transport', async () => {
  await expect(call('scoped')).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await expect(call('controlPlane')).rejects.toMatchObject({ code: 'FORBIDDEN' });
  await expect(call('open')).resolves.toBe('open');
});
