import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication, RouteConfig } from '@nestjs/platform-fastify';
import { publishAccess, publishedAccess } from '../../../src/server/published-access.js';
import { ACCESS_OPTIONS, type Access } from '../../../src/tenant/access/access.js';
import { ControlPlane, Public } from '../../../src/tenant/access/access.decorators.js';
import { CallAdmission } from '../../../src/tenant/access/call-admission.js';
import { OperatorAdmission } from '../../../src/tenant/access/operators/operator-admission.js';
import { RequestAdmission } from '../../../src/tenant/access/request-admission.js';
import { RouteAccess } from '../../../src/tenant/access/route-access.js';
import { RequestIdentification } from '../../../src/tenant/identification/request-identification.js';

@Controller('plain')
class PlainController {
  @Post() undecorated(): void {}
  @Public() @Post('open') open(): void {}
  @Public() @RouteConfig({ own: true }) @Post(':id/configured') configured(): void {}
}

@ControlPlane()
@Controller('operators')
class OperatorController {
  @Post() ofTheClass(): void {}
  @Public() @Post('open') ofTheMethod(): void {}
}

class Inherited {
  @Post() inherited(): void {}
}

@Public()
@Controller('first')
class FirstController extends Inherited {}

@Controller('second')
class SecondController extends Inherited {}

@Controller('third')
class ThirdController extends Inherited {}

@Module({
  controllers: [PlainController, OperatorController, FirstController, SecondController, ThirdController],
  providers: [
    { provide: ACCESS_OPTIONS, useValue: { guard: 'global', resolveAfterGuards: false } },
    RouteAccess,
    // Needed by the guard of the operators' routes, which no request of this test reaches.
    { provide: RequestIdentification, useValue: {} },
    { provide: RequestAdmission, useValue: { admit: () => true } },
    { provide: CallAdmission, useValue: {} },
    { provide: OperatorAdmission, useValue: {} },
  ],
})
class Routes {}

describe('the access of a route, before Nest has its handler', () => {
  let app: NestFastifyApplication;
  let seen: { access: Access | undefined; own: unknown };

  beforeAll(async () => {
    app = await NestFactory.create<NestFastifyApplication>(Routes, new FastifyAdapter(), { logger: false });
    app
      .getHttpAdapter()
      .getInstance()
      .addHook('onRequest', (request, _reply, done) => {
        seen = { access: publishedAccess(request), own: (request.routeOptions.config as { own?: unknown }).own };
        done();
      });
    publishAccess(app.get(RouteAccess));
    await app.init();
  });

  afterAll(async () => app.close());

  it.each<[string, Access | undefined]>([
    ['/plain', 'tenant'],
    ['/plain/open', 'public'],
    ['/plain/7/configured', 'public'],
    ['/operators', 'control-plane'],
    ['/operators/open', 'public'],
    ['/first', undefined],
    ['/second', undefined],
  ])('of %s is %s, undefined where controllers of different access share a method', async (url, access) => {
    await app.inject({ method: 'POST', url });
    expect(seen.access).toBe(access);
  });

  it('leaves the configuration of a route as it is otherwise', async () => {
    await app.inject({ method: 'POST', url: '/plain/7/configured' });
    expect(seen.own).toBe(true);
  });
});
