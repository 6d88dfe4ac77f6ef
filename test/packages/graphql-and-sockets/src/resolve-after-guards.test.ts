import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type CanActivate, type ExecutionContext, Injectable, UseGuards } from '@nestjs/common';
import { GqlExecutionContext, Query, Resolver } from '@nestjs/graphql';
import { ConnectedSocket, MessageBody, SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { type ResolvedTenant, TenantContext, type TenantResolver, TenantScoped } from 'tenantry';
import type { AppOptions } from './app.js';
import { type Client, connect } from './clients.js';
import { codesOf, query } from './graphql-client.js';
import { NotesService } from './notes.service.js';
import { type Scene, startScene } from './scene.js';

/** Where a guard leaves whom it has signed in: a request, or the client of a gateway. */
interface SignedIn {
  company?: string | undefined;
}

interface ContextValue {
  readonly req?: SignedIn & { headers: Record<string, string> };
  readonly reply?: { readonly request: SignedIn & { headers: Record<string, string> } };
}

/** A guard of the application: a company's name is its password. */
@Injectable()
class SignInGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    if (context.getType() === 'ws') {
      const { company } = context.switchToWs().getData<SignedIn>();
      const client = context.switchToWs().getClient<SignedIn>();
      client.company ??= company;
      return client.company !== undefined;
    }
    const { req, reply } = GqlExecutionContext.create(context).getContext<ContextValue>();
    const request = req ?? reply!.request;
    request.company = request.headers['x-signed-in'];
    return request.company !== undefined;
  }
}

@Injectable()
class CompanyResolver implements TenantResolver {
  async resolve(request: SignedIn & { client?: SignedIn; headers: object }): Promise<ResolvedTenant> {
    const company = request.company ?? request.client?.company;
    if (company === undefined) throw new Error('the resolver was called before the guard');
    return { tenant: company };
  }
}

@TenantScoped()
@UseGuards(SignInGuard)
@Resolver()
class CompanyQueries {
  constructor(private readonly notes: NotesService) {}

  @Query(() => String)
  async tenant(): Promise<string> {
    await this.notes.count();
    return this.notes.tenant;
  }
}

@TenantScoped()
@UseGuards(SignInGuard)
@WebSocketGateway({ path: '/socket' })
class CompanyGateway {
  disconnected: string[] = [];

  constructor(
    private readonly notes: NotesService,
    private readonly context: TenantContext,
  ) {}

  handleDisconnect(): void {
    this.disconnected.push(this.context.current().tenant.slug);
  }

  @SubscribeMessage('tenant')
  async tenant(@MessageBody() _data: SignedIn, @ConnectedSocket() _client: unknown): Promise<object> {
    await this.notes.count();
    return { event: 'tenant', data: { tenant: this.notes.tenant } };
  }
}

const OPTIONS = { tenantry: { resolver: CompanyResolver, resolveAfterGuards: true }, controllers: [] };
const GRAPHQL = [
  { http: 'express', graphql: 'apollo' },
  { http: 'fastify', graphql: 'mercurius' },
] as const satisfies readonly AppOptions[];
const SOCKETS = [
  { http: 'express', sockets: 'socket.io' },
  { http: 'fastify', sockets: 'ws' },
] as const satisfies readonly AppOptions[];

for (const stack of GRAPHQL) {
  describe(`resolveAfterGuards: ${stack.graphql} on ${stack.http}`, () => {
    let scene: Scene;

    before(async () => {
      scene = await startScene({ ...stack, ...OPTIONS, providers: [NotesService, CompanyQueries] }, 'guards-graphql');
    });

    after(() => scene?.app.nest.close());

    const ask = (company: string) => query(scene.app.url, '{ tenant }', { 'x-signed-in': company });

    it('the resolver reads what a guard has left with the request', async () => {
      const slugs = Array.from({ length: 10 }, (_, index) => [scene.acme, scene.beta][index % 2]!.slug);
      const answers = await Promise.all(slugs.map(ask));
      assert.deepEqual(
        answers,
        slugs.map((tenant) => ({ data: { tenant } })),
      );
    });

    it('the guard refuses first, then the tenant’s state', async () => {
      assert.equal((await query(scene.app.url, '{ tenant }')).data?.['tenant'], undefined);
      await scene.operator.suspend(scene.beta);
      await scene.operator.until(async () => codesOf(await ask(scene.beta.slug))[0] === 'TENANT_SUSPENDED');
      assert.deepEqual(await ask(scene.acme.slug), { data: { tenant: scene.acme.slug } });
    });
  });
}

for (const stack of SOCKETS) {
  describe(`resolveAfterGuards: ${stack.sockets} on ${stack.http}`, () => {
    let scene: Scene;

    before(async () => {
      scene = await startScene({ ...stack, ...OPTIONS, providers: [NotesService, CompanyGateway] }, 'guards-sockets');
    });

    after(() => scene?.app.nest.close());

    /** Without refusals: NestJS 11 sends none of a guard's to a client of ws. */
    const answersTo = (client: Client): unknown[] => client.received.filter(({ event }) => event !== 'exception');

    async function ask(client: Client, company?: string): Promise<unknown> {
      const before = answersTo(client).length;
      client.send('tenant', { company });
      await scene.operator.until(() => answersTo(client).length > before);
      return answersTo(client)[before];
    }

    it('clients connect without a tenant, and sign in by a message', async () => {
      for (const { slug } of [scene.acme, scene.beta]) {
        const client = await connect(stack.sockets, scene.app.url, undefined, 'browser');
        client.send('tenant', {});
        assert.deepEqual(await ask(client, slug), { event: 'tenant', data: { tenant: slug } });
        assert.deepEqual(await ask(client), { event: 'tenant', data: { tenant: slug } });
        assert.equal(answersTo(client).length, 2); // the first message has no answer
        client.close();
        await scene.operator.until(() => scene.app.nest.get(CompanyGateway).disconnected.includes(slug));
      }
    });

    it('a socket that has signed in is closed when its tenant is suspended', async () => {
      const client = await connect(stack.sockets, scene.app.url, undefined, 'browser');
      await ask(client, scene.beta.slug);
      await scene.operator.suspend(scene.beta);
      await scene.operator.until(() => client.isClosed);
      assert.equal(client.received.at(-1)?.data['code'], 'TENANT_SUSPENDED');
    });
  });
}
