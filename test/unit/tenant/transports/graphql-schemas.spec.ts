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

/** What a resolver's field returns to GraphQL in an operation of the tenant `acme`. */
function resolved(resolve: () => unknown): unknown {
  const field: { resolve: (...args: unknown[]) => unknown } = { resolve };
  const host = new GraphQLSchemaHost({ getTypeMap: () => ({ Query: { getFields: () => ({ field }) } }) });
  const modules = new Map([['app', { providers: new Map([[GraphQLSchemaHost, { instance: host }]]) }]]);
  const operations = { run: (_value: unknown, work: () => unknown) => runInContext({ tenantId: 'acme' }, work) };
  new GraphqlSchemas(
    modules as unknown as ModulesContainer,
    operations as unknown as GraphqlOperations,
    {} as GraphqlSubscriptions,
  ).onApplicationBootstrap();
  return field.resolve({}, {}, {}, {});
}

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
