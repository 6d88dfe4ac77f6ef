import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type CallHandler,
  type CanActivate,
  Controller,
  type ExecutionContext,
  Get,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { APP_GUARD, APP_INTERCEPTOR } from '@nestjs/core';
import { type Observable, retry } from 'rxjs';
import { type ResolvedTenant, TenantContext, type TenantResolver, TenantScoped } from '../../../src/index.js';
import { HostApplication } from '../../support/host/host-application.js';

interface UserRequest {
  readonly headers: Readonly<Record<string, string | undefined>>;
  user?: { readonly name: string };
}

/** Stands for the application's own authentication. */
@Injectable()
class UserGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<UserRequest>();
    const name = request.headers['x-user'];
    if (name !== undefined) request.user = { name };
    return true;
  }
}

/** As applications repeat what failed for a moment. */
@Injectable()
class RetryingInterceptor implements NestInterceptor {
  intercept(_context: ExecutionContext, next: CallHandler): Observable<unknown> {
    return next.handle().pipe(retry(2));
  }
}

/** Users of the application are named like their tenants. */
@Injectable()
class UserResolver implements TenantResolver {
  static calls = 0;

  resolve({ user }: UserRequest): ResolvedTenant | undefined {
    UserResolver.calls += 1;
    return user && { tenant: user.name, principal: user };
  }
}

@TenantScoped()
@Controller('counted')
class CountedController {
  static served = 0;

  constructor(private readonly context: TenantContext) {}

  @Get()
  serve(): unknown {
    CountedController.served += 1;
    return this.context.current().principal;
  }
}

describe.each([
  { adapter: 'express', guard: 'global' },
  { adapter: 'fastify', guard: 'explicit' },
] as const)('a resolver behind the application’s guards on $adapter, guard $guard', ({ adapter, guard }) => {
  let app: HostApplication;

  beforeAll(async () => {
    app = await HostApplication.start({
      adapter,
      tenantry: { guard, resolver: UserResolver, resolveAfterGuards: true },
      controllers: [CountedController],
      providers: [
        { provide: APP_GUARD, useClass: UserGuard },
        { provide: APP_INTERCEPTOR, useClass: RetryingInterceptor },
      ],
    });
    await app.provision('acme', 'row');
  });

  afterAll(async () => app.dispose());

  it('serves the user’s tenant, and asks the resolver once', async () => {
    UserResolver.calls = 0;
    const answer = await app.fetch('/counted', { headers: { 'x-user': 'acme' } });
    expect([answer.status, await answer.json()]).toEqual([200, { name: 'acme' }]);
    expect(UserResolver.calls).toBe(1);
  });

  it('refuses a caller without a tenant however often an interceptor repeats the request', async () => {
    CountedController.served = 0;
    UserResolver.calls = 0;
    expect((await app.fetch('/counted')).status).toBe(401);
    expect((await app.fetch('/counted', { headers: { 'x-user': 'unknown' } })).status).toBe(403);
    expect(CountedController.served).toBe(0);
    expect(UserResolver.calls).toBe(2);
  });
});
