import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { assertReturnable } from '../../database/data-source/entity-owners.js';
import { currentContext } from '../../platform/context.js';
import { type GraphqlOperation, GraphqlOperations } from './graphql-operations.js';
import { GraphqlSubscriptions } from './graphql-subscriptions.js';

type Resolve = (source: unknown, args: unknown, contextValue: unknown, info: unknown) => unknown;

/** Of a `GraphQLField`: what is replaced. */
interface Field {
  resolve?: Resolve | undefined;
  subscribe?: Resolve | undefined;
}

/** Of a `GraphQLSchema`: what is read. */
interface Schema {
  getTypeMap(): Record<string, { getFields?(): Record<string, Field> }>;
}

/** The class of `@nestjs/graphql` that keeps the schema, whichever driver serves it. */
const SCHEMA_HOST = 'GraphQLSchemaHost';
const WRAPPED = Symbol.for('tenantry/wrapped-resolver');

/**
 * Makes all resolvers of a GraphQL operation run in one context: those of fields too, which Nest calls outside the guards and
 * interceptors of the query that returned their object, and every event of a subscription.
 */
@Injectable()
export class GraphqlSchemas implements OnApplicationBootstrap {
  constructor(
    private readonly modules: ModulesContainer,
    private readonly operations: GraphqlOperations,
    private readonly subscriptions: GraphqlSubscriptions,
  ) {}

  /** The schemas exist by then, and nothing is served yet. */
  onApplicationBootstrap(): void {
    for (const schema of this.schemas()) this.wrap(schema);
  }

  private *schemas(): Iterable<Schema> {
    for (const { providers } of this.modules.values()) {
      for (const [token, { instance }] of providers) {
        if (typeof token === 'function' && token.name === SCHEMA_HOST) yield (instance as { schema: Schema }).schema;
      }
    }
  }

  private wrap(schema: Schema): void {
    for (const type of Object.values(schema.getTypeMap())) {
      for (const field of Object.values(type.getFields?.() ?? {})) this.wrapField(field);
    }
  }

  private wrapField(field: Field): void {
    const { resolve, subscribe } = field;
    if (resolve && !(WRAPPED in resolve)) field.resolve = marked(this.resolver(resolve));
    if (subscribe && !(WRAPPED in subscribe)) {
      field.subscribe = marked(this.subscriber(subscribe));
      field.resolve ??= marked(this.resolver(valueOfEvent));
    }
  }

  private resolver(resolve: Resolve): Resolve {
    return (source, args, contextValue, info) =>
      this.operations.run(contextValue, (operation) => {
        if (operation?.rejection !== undefined) throw operation.rejection;
        return checked(resolve(source, args, contextValue, info));
      });
  }

  private subscriber(subscribe: Resolve): Resolve {
    const work = async (operation: GraphqlOperation | undefined, call: () => unknown): Promise<unknown> => {
      const events = await call();
      return operation ? this.subscriptions.guard(operation, events) : events;
    };
    return (source, args, contextValue, info) =>
      this.operations.run(contextValue, (operation) =>
        work(operation, () => subscribe(source, args, contextValue, info)),
      );
  }
}

/**
 * The value, also one that is still to come, alone or in a list. What starts when it is awaited (Drizzle, Prisma) starts here, in
 * the context.
 *
 * @throws WrongTenantError for an entity of another tenant, which a shared data loader may have kept
 */
function checked(value: unknown): unknown {
  if (isPromiseLike(value)) return Promise.resolve(value).then(checked);
  const tenantId = currentContext()?.tenantId;
  if (tenantId !== undefined) assertReturnable(value, tenantId);
  return Array.isArray(value) && value.some(isPromiseLike) ? value.map(checked) : value;
}

function isPromiseLike(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as Partial<PromiseLike<unknown>> | null | undefined)?.then === 'function';
}

function marked(resolve: Resolve): Resolve {
  return Object.assign(resolve, { [WRAPPED]: true });
}

/** What GraphQL does itself with an event, which has the field's value under its name. */
const valueOfEvent: Resolve = (event, args, contextValue, info) => {
  const value = (event as Record<string, unknown> | undefined)?.[(info as { fieldName: string }).fieldName];
  return typeof value === 'function'
    ? (value as Resolve).call(event, args, contextValue, info, undefined as never)
    : value;
};
