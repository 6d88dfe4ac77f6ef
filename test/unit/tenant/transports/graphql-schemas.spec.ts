import { describe, expect, it } from '@jest/globals';
import type { ModulesContainer } from '@nestjs/core';
import { rememberOwner } from '../../../../src/database/data-source/entity-owners.js';
import { currentContext, runInContext } from '../../../../src/platform/context.js';
import type { GraphqlOperations } from '../../../../src/tenant/transports/graphql-operations.js';
import { GraphqlSchemas } from '../../../../src/tenant/transports/graphql-schemas.js';
import type { GraphqlSubscriptions } from '../../../../src/tenant/transports/graphql-subscriptions.js';

class GraphQLSchemaHost {
  constructor(readonly schema: object) {}
}

type Resolve = (...args: unknown[]) => unknown;

/** What a resolver's field returns to GraphQL in an operation of the tenant `acme`. */
function resolved(resolve: () => unknown): unknown {
  return prepared<{ resolve?: Resolve }>({ resolve }).resolve?.({}, {}, {}, {});
}

/** The field of an object in the schema of an application, whose operations are those of the tenant `acme`. */
function prepared<T extends { resolve?: Resolve }>(field: T, options: object = {}): T {
  const type = { isTypeOf: undefined, getFields: () => ({ field }) };
  const host = new GraphQLSchemaHost({ getTypeMap: () => ({ Query: type }) });
  const providers = new Map<unknown, object>([
    [GraphQLSchemaHost, { instance: host }],
    ['GqlModuleOptions', { instance: options }],
  ]);
  const modules = new Map([['app', { providers }]]);
  const operations = { run: (_value: unknown, work: () => unknown) => runInContext({ tenantId: 'acme' }, work) };
  new GraphqlSchemas(
    modules as unknown as ModulesContainer,
    operations as unknown as GraphqlOperations,
    {} as GraphqlSubscriptions,
  ).onApplicationBootstrap();
  return field;
}

const OBJECT = { ofType: { ofType: { getFields: () => ({}) } } };
const SCALAR = { ofType: {} };

describe("a resolver's result", () => {
  it('is refused where a promise in its list resolves to an entity of another tenant', async () => {
    const entity = {};
    rememberOwner(entity, 'globex');
    const list = (await resolved(async () => [Promise.resolve({}), Promise.resolve(entity)])) as unknown[];
    expect(await Promise.allSettled(list)).toMatchObject([
      { status: 'fulfilled' },
      { status: 'rejected', reason: { code: 'WRONG_TENANT' } },
    ]);
  });

  it('starts in the context where it is a query that starts when it is awaited', async () => {
    const query = { then: (resolve: (tenantId: unknown) => void) => resolve(currentContext()?.tenantId) };
    expect(await resolved(() => query)).toBe('acme');
  });
});

describe('the field of an object without a resolver', () => {
  const entity = {};
  rememberOwner(entity, 'globex');
  const field: { type: object; resolve?: Resolve } = { type: OBJECT };
  const read = (source: object, options?: object): unknown =>
    prepared({ ...field }, options).resolve?.(source, {}, {}, { fieldName: 'node' });

  it('has what the object has, which may be a function', () => {
    const node = {};
    expect(read({ node })).toBe(node);
    expect(read({ node: () => node })).toBe(node);
    expect(read({})).toBeUndefined();
  });

  it('is refused where it has an entity of another tenant', async () => {
    expect(() => read({ node: entity })).toThrow(expect.objectContaining({ code: 'WRONG_TENANT' }));
    expect(() => read({ node: [entity] })).toThrow(expect.objectContaining({ code: 'WRONG_TENANT' }));
    await expect(read({ node: Promise.resolve(entity) })).rejects.toMatchObject({ code: 'WRONG_TENANT' });
  });

  it('has what the application resolves such fields with', () => {
    expect(read({ node: 1 }, { fieldResolver: () => 2 })).toBe(2);
  });

  it('stays without one where its values are scalars', () => {
    expect(prepared({ type: SCALAR } as typeof field).resolve).toBeUndefined();
  });
});
