import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Controller, Module, Post } from '@nestjs/common';
import { ModulesContainer, NestFactory, Reflector } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication, RouteConfig } from '@nestjs/platform-fastify';
import { type Access, ControlPlane, Public } from '../../../../src/tenant/access/access.decorators.js';
import { publishedAccess, RouteAccess } from '../../../../src/tenant/access/route-access.js';

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

@Module({ controllers: [PlainController, OperatorController, FirstController, SecondController, ThirdController] })
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
    new RouteAccess(new Reflector(), app.get(ModulesContainer)).publish();
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
