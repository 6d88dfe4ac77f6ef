import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Type } from '@nestjs/common';
import { Args, ID, Mutation, Query, Resolver } from '@nestjs/graphql';
import { InjectTenantRepository, TenantConnectionService, TenantScoped } from 'tenantry';
import { checkTenantIsolation, type IsolationOptions } from 'tenantry/testing';
import { Repository } from 'typeorm';
import { type RunningApp, startApp } from './app.js';
import { Note } from './note.js';
import { NotesResolver, OtherResolver } from './notes.resolver.js';
import { NotesGateway } from './notes.gateway.js';
import { NotesService } from './notes.service.js';
import { GRAPHQL_STACKS } from './scene.js';

/** Of all tenants, as its author keeps them in memory. */
const answered: Note[] = [];

@TenantScoped()
@Resolver(() => Note)
class LeakingResolver {
  constructor(
    @InjectTenantRepository(Note) private readonly notes: Repository<Note>,
    private readonly connections: TenantConnectionService,
  ) {}

  @Query(() => [Note])
  async recentNotes(): Promise<Note[]> {
    answered.unshift(...(await this.notes.find()).map(({ id, text }) => ({ id, text })));
    return answered.slice(0, 50);
  }

  @Mutation(() => Boolean)
  async emptyNotes(@Args('tenant', { type: () => ID }) tenant: string): Promise<boolean> {
    await this.connections.run(tenant, () => this.notes.query('DELETE FROM notes'));
    return true;
  }
}

@TenantScoped()
@Resolver()
class BrokenResolver {
  @Query(() => String)
  broken(): string {
    throw new Error('broken');
  }
}

@Resolver()
class UndecoratedResolver {
  @Query(() => String, { name: 'version' })
  currentVersion(): string {
    return '1';
  }
}

for (const stack of GRAPHQL_STACKS) {
  describe(`The isolation check of ${stack.graphql} on ${stack.http}`, () => {
    let app: RunningApp | undefined;

    after(() => app?.nest.close());

    const lines = async (providers: Type[], options: IsolationOptions = {}): Promise<string[]> => {
      app = await startApp({ ...stack, sockets: 'socket.io', providers: [NotesService, NotesGateway, ...providers] });
      const findings = await checkTenantIsolation(app.nest, { answerTimeoutMs: 500, ...options });
      await app.nest.close();
      return findings.map(({ where, code }) => `${where} ${code}`);
    };

    const untried = ['subscription noteCount', 'message NotesMessages.list', 'message NotesMessages.ping'];
    const ofGateway = ['message NotesGateway.list', 'message NotesGateway.add'];

    it('names handlers that it cannot try, until they are classified', async () => {
      const all = [...untried, ...ofGateway];
      const found = await lines([NotesResolver, OtherResolver]);
      assert.deepEqual(found.toSorted(), all.map((name) => `${name} HANDLER_NOT_CLASSIFIED`).toSorted());
      const handlers = Object.fromEntries(all.map((name) => [name, 'tenant' as const]));
      assert.deepEqual(await lines([NotesResolver, OtherResolver], { classify: { handlers } }), []);
    });

    it('sends queries and mutations, and names those that leak or are not decorated', async () => {
      const found = await lines([NotesResolver, LeakingResolver, BrokenResolver, UndecoratedResolver]);
      const expected = [
        'query recentNotes ROUTE_LEAKS_EARLIER_ANSWER',
        'mutation emptyNotes ROUTE_CHANGES_OTHER_TENANT',
        'query version HANDLER_NOT_CLASSIFIED',
        'query broken HANDLER_NOT_CLASSIFIED',
      ];
      assert.deepEqual(found.filter((line) => !/^(message|subscription) /.test(line)).toSorted(), expected.toSorted());
    });

    it('says so when no operation lets the caller in', async () => {
      const found = await lines([NotesResolver], { headers: () => ({}) });
      assert.ok(found.includes('GraphQL ROUTES_NOT_REACHED'), found.join());
    });
  });
}
