import { Injectable, type OnApplicationBootstrap } from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { assertReturnable } from '../../database/data-source/entity-owners.js';
import { currentContext } from '../../platform/context.js';
import { type GraphqlOperation, GraphqlOperations } from './graphql-operations.js';
import { GraphqlSubscriptions } from './graphql-subscriptions.js';

type Resolve = (source: unknown, args: unknown, contextValue: unknown, info: unknown) => unknown;

/** Of a `GraphQLOutputType`: what is read. */
interface OutputType {
  /** Of a list, or of a type that is not null. */
  readonly ofType?: OutputType;
  /** Of an object or an interface. */
  readonly getFields?: unknown;
  /** Of a union. */
  readonly getTypes?: unknown;
}

/** Of a `GraphQLField`: what is read, and what is replaced. */
interface Field {
  readonly type?: OutputType;
  resolve?: Resolve | undefined;
  subscribe?: Resolve | undefined;
}

/** Of a `GraphQLSchema`: what is read. */
interface Schema {
  getTypeMap(): Record<string, { getFields?(): Record<string, Field> }>;
}

/** The class of `@nestjs/graphql` that keeps the schema, whichever driver serves it. */
const SCHEMA_HOST = 'GraphQLSchemaHost';
/** Where `@nestjs/graphql` keeps its options, which may say what resolves fields without a resolver (Apollo). */
const OPTIONS = 'GqlModuleOptions';
/** A property of `GraphQLObjectType` alone. */
const IS_OBJECT = 'isTypeOf';
const WRAPPED = Symbol.for('tenantry/wrapped-resolver');

/**
 * Makes all resolvers of a GraphQL operation run in one context: those of fields too, which Nest calls outside the guards and
 * interceptors of the query that returned their object, and every event of a subscription. What they return is checked; where an
 * object's field has no resolver, what the object has.
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
    for (const { providers } of this.modules.values()) {
      const options = providers.get(OPTIONS)?.instance as { readonly fieldResolver?: Resolve } | undefined;
      for (const [token, { instance }] of providers) {
        if (typeof token !== 'function' || token.name !== SCHEMA_HOST) continue;
        this.wrap((instance as { schema: Schema }).schema, options?.fieldResolver ?? propertyOf);
      }
    }
  }

  private wrap(schema: Schema, fallback: Resolve): void {
    for (const type of Object.values(schema.getTypeMap())) {
      for (const field of Object.values(type.getFields?.() ?? {})) {
        this.wrapField(field);
        if (IS_OBJECT in type && isOfObjects(field)) field.resolve ??= marked(this.resolver(fallback));
      }
    }
  }

  private wrapField(field: Field): void {
    const { resolve, subscribe } = field;
    if (resolve && !(WRAPPED in resolve)) field.resolve = marked(this.resolver(resolve));
    if (subscribe && !(WRAPPED in subscribe)) {
      field.subscribe = marked(this.subscriber(subscribe));
      field.resolve ??= marked(this.resolver(propertyOf));
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

/** Whether entities may be its values: not those of scalars and enumerations. */
function isOfObjects({ type }: Field): boolean {
  let named = type;
  while (named?.ofType) named = named.ofType;
  return named?.getFields !== undefined || named?.getTypes !== undefined;
}

/** What GraphQL does itself for a field without a resolver, also with the events of a subscription. */
const propertyOf: Resolve = (source, args, contextValue, info) => {
  const value = (source as Record<string, unknown> | undefined)?.[(info as { fieldName: string }).fieldName];
  return typeof value === 'function'
    ? (value as Resolve).call(source, args, contextValue, info, undefined as never)
    : value;
};
