import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Controller, type Type } from '@nestjs/common';
import { Parent, Query, ResolveField, Resolver } from '@nestjs/graphql';
import { MessagePattern } from '@nestjs/microservices';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { ControlPlane, Public, TenantScoped } from 'tenantry';
import { type AppOptions, startApp } from './app.js';
import { connect } from './clients.js';
import { Note } from './note.js';
import { NotesService } from './notes.service.js';
import { Operator } from './operator.js';

@Controller()
class UndecoratedMessages {
  @MessagePattern('undecorated')
  handle(): string {
    return 'without a context';
  }
}

@Controller()
class OperatorsMessages {
  @ControlPlane()
  @MessagePattern('operators')
  handle(): string {
    return 'for operators';
  }
}

@Resolver(() => Note)
class FieldResolver {
  @Public()
  @Query(() => [Note])
  notes(): Note[] {
    return [];
  }

  @TenantScoped()
  @ResolveField(() => String)
  owner(@Parent() _note: Note): string {
    return 'unguarded';
  }
}

@WebSocketGateway({ path: '/socket' })
class UndecoratedGateway {
  constructor(private readonly notes: NotesService) {}

  @SubscribeMessage('tenant')
  tenant(): { event: string; data: { tenant: string } } {
    return { event: 'tenant', data: { tenant: this.notes.tenant } };
  }
}

describe('The start', () => {
  const refuses = async (options: AppOptions, handler: string): Promise<void> => {
    const start = startApp(options).then(({ nest }) => nest.close());
    await assert.rejects(start, (error: { code?: string; message: string }) => {
      assert.equal(error.code, 'UNSERVABLE_HANDLER');
      assert.match(error.message, new RegExp(handler));
      return true;
    });
  };
  const none: Type[] = [];

  it('is refused where a message’s handler is a tenant’s and no message resolver says which', () =>
    refuses(
      {
        http: 'express',
        controllers: [UndecoratedMessages],
        providers: none,
        tenantry: { guard: 'global', messageResolver: undefined as never },
      },
      'UndecoratedMessages.handle',
    ));

  it('is refused where a message’s handler is the control plane’s', () =>
    refuses({ http: 'express', controllers: [OperatorsMessages], providers: none }, 'OperatorsMessages.handle'));

  it('is refused where the decorator of a field’s resolver has no effect, and only there', async () => {
    const options = {
      http: 'express',
      graphql: 'apollo',
      controllers: none,
      providers: [FieldResolver] as Type[],
    } as const;
    await refuses(options, 'FieldResolver.owner');
    const { nest } = await startApp({ ...options, graphqlOptions: { fieldResolverEnhancers: ['guards'] } });
    await nest.close();
  });

  it('is refused where all operations would share a GraphQL context', () =>
    refuses({ http: 'fastify', graphql: 'mercurius', graphqlOptions: { context: { shared: true } } }, 'GraphQLModule'));

  it('guards an undecorated gateway under guard: global', async () => {
    const { nest, url } = await startApp({
      http: 'express',
      sockets: 'ws',
      controllers: none,
      providers: [NotesService, UndecoratedGateway],
      tenantry: { guard: 'global' },
    });
    const operator = new Operator(url);
    const { key, slug } = await operator.createTenant('global-guard');
    const client = await connect('ws', url, key, 'browser');
    client.send('tenant', {});
    await operator.until(() => client.received.length > 0);
    assert.deepEqual(client.received, [{ event: 'tenant', data: { tenant: slug } }]);
    const anonymous = await connect('ws', url, undefined, 'browser');
    await operator.until(() => anonymous.isClosed);
    assert.equal(anonymous.received[0]?.data['code'], 'UNAUTHENTICATED');
    await nest.close();
  });
});
