import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  type CanActivate,
  type ExecutionContext,
  ForbiddenException,
  Injectable,
  type LoggerService,
  Module,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import type { ResolvedTenant, TenantResolver } from '../../../src/index.js';
import { HostApplication } from '../../support/host/host-application.js';
import type { TestTenant } from '../../support/test-app.js';

interface User {
  readonly name: string;
  readonly tenants: readonly string[];
}

interface HostRequest {
  readonly headers: Readonly<Record<string, string | undefined>>;
  user?: User;
}

const USERS: Readonly<Record<string, User>> = {
  ada: { name: 'ada', tenants: ['acme', 'globex'] },
  bob: { name: 'bob', tenants: ['globex'] },
  eve: { name: 'eve', tenants: [] },
};

/** The host's own identity: it reads its users asynchronously, and puts one on the request. */
@Injectable()
class UserGuard implements CanActivate {
  async canActivate(context: ExecutionContext): Promise<boolean> {
    await new Promise((resolve) => setImmediate(resolve));
    const request = context.switchToHttp().getRequest<HostRequest>();
    const user = USERS[request.headers['x-user'] ?? ''];
    if (user) request.user = user;
    return true;
  }
}

@Injectable()
class Memberships {
  has(user: User, slug: string): boolean {
    return user.tenants.includes(slug);
  }
}

@Module({ providers: [Memberships], exports: [Memberships] })
class UsersModule {}

/** A user of several tenants selects one by a header. */
@Injectable()
class MembershipResolver implements TenantResolver {
  constructor(private readonly memberships: Memberships) {}

  resolve({ user, headers }: HostRequest): ResolvedTenant | undefined {
    if (headers['x-user'] === 'mallory') throw new ForbiddenException('banned');
    if (headers['x-user'] === 'nonsense') return { slug: 'acme' } as unknown as ResolvedTenant;
    if (!user) return undefined;
    const selected = headers['x-tenant-id'];
    const tenant = selected !== undefined && this.memberships.has(user, selected) ? selected : user.tenants[0];
    return tenant === undefined ? undefined : { tenant, principal: user };
  }
}

class Recorder implements LoggerService {
  readonly errors: string[] = [];
  log(): void {}
  warn(): void {}
  error(...parts: readonly unknown[]): void {
    this.errors.push(parts.map(String).join(' '));
  }
}

/** Each adapter and each guard once: neither knows the other. */
const SHAPES = [
  { adapter: 'express', guard: 'explicit' },
  { adapter: 'fastify', guard: 'global' },
] as const;

describe.each(SHAPES)('a resolver behind the guards of a host on $adapter, guard $guard', ({ adapter, guard }) => {
  const log = new Recorder();
  let app: HostApplication;
  let acme: TestTenant;

  const who = (user: string, tenant?: string): Promise<Response> =>
    app.fetch('/notes/who', { headers: { 'x-user': user, ...(tenant !== undefined && { 'x-tenant-id': tenant }) } });

  beforeAll(async () => {
    app = await HostApplication.start({
      adapter,
      logger: log,
      providers: [{ provide: APP_GUARD, useClass: UserGuard }],
      tenantry: { guard, resolver: MembershipResolver, resolveAfterGuards: true, imports: [UsersModule] },
    });
    acme = await app.provision('acme', 'row');
    await app.provision('globex', 'row');
  });

  afterAll(async () => app.dispose());

  it('decides for which tenant a user works, whom the handler knows as the principal', async () => {
    const answers = [await who('ada'), await who('ada', 'globex'), await who('bob')];
    expect(await Promise.all(answers.map((answer) => answer.json()))).toEqual([
      { slug: 'acme', principal: USERS['ada'] },
      { slug: 'globex', principal: USERS['ada'] },
      { slug: 'globex', principal: USERS['bob'] },
    ]);
  });

  it('answers 403 where a selector names another tenant than the resolver', async () => {
    expect((await who('bob', 'acme')).status).toBe(403);
  });

  it('answers 401 where it returns nothing, also with a key of a tenant', async () => {
    expect((await who('eve')).status).toBe(401);
    expect((await app.fetch('/notes')).status).toBe(401);
    expect((await app.fetch('/notes', { headers: { authorization: `Bearer ${acme.apiKey}` } })).status).toBe(401);
  });

  it('passes an HTTP exception of the resolver on', async () => {
    const answer = await who('mallory');
    expect({ status: answer.status, body: await answer.json() }).toMatchObject({
      status: 403,
      body: { message: 'banned' },
    });
  });

  it('answers 500 to what is no result, and logs why', async () => {
    log.errors.splice(0);
    const answer = await who('nonsense');
    expect(answer.status).toBe(500);
    expect(await answer.text()).not.toContain('resolver');
    expect(log.errors.join('\n')).toContain('the tenant resolver must return');
  });

  it('runs on routes of tenants only', async () => {
    expect((await app.fetch('/own', { headers: { 'x-user': 'mallory' } })).status).toBe(guard === 'global' ? 403 : 200);
  });
});
