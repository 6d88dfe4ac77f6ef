import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { Args, Query, Resolver } from '@nestjs/graphql';
import { TenantScoped } from 'tenantry';
import { withTenant } from 'tenantry/testing';
import type { RunningApp } from './app.js';
import { type Answer, bearer, codesOf, query as queryOf } from './graphql-client.js';
import { NotesService } from './notes.service.js';
import type { KnownTenant, Operator } from './operator.js';
import { GRAPHQL_STACKS, type Scene, startScene } from './scene.js';

for (const stack of GRAPHQL_STACKS) {
  describe(`GraphQL: ${stack.graphql} on ${stack.http}`, () => {
    let app: RunningApp;
    let operator: Operator;
    let acme: KnownTenant;
    let beta: KnownTenant;

    before(async () => {
      ({ app, operator, acme, beta } = await startScene(stack, stack.graphql));
    });

    after(() => app?.nest.close());

    const query = (text: string, key?: string): Promise<Answer> => queryOf(app.url, text, bearer(key));

    it('resolvers, those of fields and parallel ones run in the context of the operation', async () => {
      for (const { key, slug } of [acme, beta]) {
        const added = await query(`mutation { addNote(text: "of ${slug}") { text owner } }`, key);
        assert.deepEqual(added, { data: { addNote: { text: `of ${slug}`, owner: slug } } });
      }
      const texts = Array.from({ length: 20 }, (_, index) => [acme, beta][index % 2]!);
      const answers = await Promise.all(
        texts.map(({ key }) => query('{ a: tenant b: myNotes { text owner } c: myNotes { owner } }', key)),
      );
      answers.forEach(({ data, errors }, index) => {
        const { slug } = texts[index]!;
        assert.deepEqual(errors, undefined);
        assert.deepEqual(data, { a: slug, b: [{ text: `of ${slug}`, owner: slug }], c: [{ owner: slug }] });
      });
    });

    it('a call without a valid credential is refused, except by public resolvers', async () => {
      assert.deepEqual(await query('{ hello }'), { data: { hello: 'world' } });
      assert.deepEqual(codesOf(await query('{ tenant }')), ['UNAUTHENTICATED']);
      assert.deepEqual(codesOf(await query('{ tenant }', 'tnt_wrong')), ['UNAUTHENTICATED']);
      assert.deepEqual(codesOf(await query('{ operators }', acme.key)), ['FORBIDDEN']);
      assert.deepEqual(await query('{ operators }', process.env['ADMIN_API_KEY']), {
        data: { operators: 'for operators' },
      });
    });

    it('an operation counts once against the limit of requests, and above it resolvers get its code', async () => {
      const slug = `limited-${stack.graphql}-${stack.http}`;
      const { key } = await operator.createTenant(slug, 'row', { requestsPerDay: 2 });
      const operation = '{ a: tenant b: tenant myNotes { owner } }';
      const answers = [await query(operation, key), await query(operation, key)];
      for (const answer of answers) assert.deepEqual(answer, { data: { a: slug, b: slug, myNotes: [] } });
      assert.deepEqual(codesOf(await query('{ tenant }', key)), ['RATE_LIMITED']);
      assert.deepEqual(await query('{ hello }', key), { data: { hello: 'world' } });
    });

    it('a data loader that was created once returns nothing of another tenant', async () => {
      const { data } = await query('{ myNotes { id } }', acme.key);
      const [{ id }] = data!['myNotes'] as [{ id: string }];
      const read = (field: string, key: string): Promise<Answer> => query(`{ ${field}(id: "${id}") { text } }`, key);
      assert.deepEqual((await read('noteOfSharedLoader', acme.key)).data, {
        noteOfSharedLoader: { text: `of ${acme.slug}` },
      });
      const leaked = await read('noteOfSharedLoader', beta.key); // the loader has kept the promise of the first call
      assert.equal(leaked.data?.['noteOfSharedLoader'] ?? null, null);
      assert.equal(leaked.errors?.length, 1);
      const edges = await query(`{ edgesOfSharedLoader(id: "${id}") { node { text } } }`, beta.key);
      assert.deepEqual(edges.data?.['edgesOfSharedLoader'], [{ node: null }]);
      assert.equal(edges.errors?.length, 1);
      assert.deepEqual((await read('note', acme.key)).data, { note: { text: `of ${acme.slug}` } });
      assert.deepEqual(await read('note', beta.key), { data: { note: null } });
    });

    it('a revoked key and a suspended tenant are refused', async () => {
      const other = { slug: acme.slug, ...(await operator.issueKey(acme.slug)) };
      await operator.revoke(other);
      await operator.untilRefused(other);
      assert.deepEqual(codesOf(await query('{ tenant }', other.key)), ['UNAUTHENTICATED']);
      await operator.suspend(beta);
      await operator.untilRefused(beta);
      assert.deepEqual(codesOf(await query('{ tenant }', beta.key)), ['TENANT_SUSPENDED']);
    });
  });
}

/** A resolver of a schema that is written as type definitions. */
@TenantScoped()
@Resolver('Query')
class SchemaFirstResolver {
  constructor(private readonly notes: NotesService) {}

  @Query('edges')
  async edges(@Args('id') id: string): Promise<object[]> {
    return [{ node: await this.notes.sharedLoader.load(id) }];
  }
}

const SCHEMA_FIRST = {
  autoSchemaFile: undefined,
  typeDefs: 'type Note { id: ID! text: String! } type Edge { node: Note } type Query { edges(id: ID!): [Edge!]! }',
};

for (const stack of GRAPHQL_STACKS) {
  describe(`A schema of type definitions: ${stack.graphql} on ${stack.http}`, () => {
    let scene: Scene;

    before(async () => {
      const providers = [NotesService, SchemaFirstResolver];
      scene = await startScene({ ...stack, graphqlOptions: SCHEMA_FIRST, providers }, `sdl-${stack.graphql}`);
    });

    after(() => scene?.app.nest.close());

    it('returns nothing of another tenant within an object', async () => {
      const { acme, beta, app } = scene;
      const { id } = await withTenant(app.nest, acme.slug, () => app.nest.get(NotesService).add('of acme'));
      const ask = ({ key }: KnownTenant): Promise<Answer> =>
        queryOf(app.url, `{ edges(id: "${id}") { node { text } } }`, bearer(key));
      assert.deepEqual(await ask(acme), { data: { edges: [{ node: { text: 'of acme' } }] } });
      const refused = await ask(beta);
      assert.deepEqual(refused.data, { edges: [{ node: null }] });
      assert.equal(refused.errors?.length, 1);
    });
  });
}

for (const stack of GRAPHQL_STACKS) {
  describe(`A GraphQL context that a function returns for two requests: ${stack.graphql} on ${stack.http}`, () => {
    let scene: Scene;

    before(async () => {
      const shared = {};
      const graphqlOptions = { context: () => shared };
      scene = await startScene({ ...stack, graphqlOptions }, `shared-${stack.graphql}`);
    });

    after(() => scene?.app.nest.close());

    it('serves the first request only', async () => {
      const ask = ({ key }: KnownTenant): Promise<Answer> => queryOf(scene.app.url, '{ tenant }', bearer(key));
      assert.deepEqual(await ask(scene.acme), { data: { tenant: scene.acme.slug } });
      const refused = await ask(scene.beta);
      assert.equal(refused.data?.['tenant'], undefined);
      assert.match(JSON.stringify(refused), /must be a function that returns a new object each time/);
    });
  });
}
