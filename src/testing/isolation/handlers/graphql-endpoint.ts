import type { INestApplication } from '@nestjs/common';
import { type ApplicationConfig, ModulesContainer } from '@nestjs/core';

/** The class and the options of `@nestjs/graphql`, which is not imported: an application need not have it. */
const SCHEMA_HOST = 'GraphQLSchemaHost';
const OPTIONS = 'GqlModuleOptions';

/** Of a `GraphQLArgument`, or a field of an input type. */
export interface Argument {
  readonly name: string;
  readonly type: GraphqlType;
}

/** Of a `GraphQLField`. */
export interface GraphqlField {
  readonly name: string;
  readonly args: readonly Argument[];
  readonly type: GraphqlType;
}

/** Of a `GraphQLType`: what is read; its text is that of the schema, such as `[ID!]!`. */
export interface GraphqlType {
  /** Of a list, and of a type that is not null. */
  readonly ofType?: GraphqlType;
  readonly name?: string;
  getFields?(): Readonly<Record<string, GraphqlField>>;
  /** Of a union. */
  getTypes?(): readonly GraphqlType[];
  /** Of an enumeration. */
  getValues?(): readonly { readonly name: string }[];
  toString(): string;
}

interface Schema {
  getQueryType(): GraphqlType | null | undefined;
  getMutationType(): GraphqlType | null | undefined;
  getSubscriptionType(): GraphqlType | null | undefined;
}

type OperationKind = 'query' | 'mutation' | 'subscription';

/** A query, mutation or subscription of an application's schema. */
export interface GraphqlOperationField {
  /** `query notes` */
  readonly name: string;
  readonly kind: OperationKind;
  readonly field: GraphqlField;
  /** Where it is sent to. */
  readonly path: string;
}

/** Those of all schemas that the application serves. */
export function graphqlFieldsOf(app: INestApplication): GraphqlOperationField[] {
  const prefix = (app as unknown as { config: ApplicationConfig }).config.getGlobalPrefix();
  return [...app.get(ModulesContainer, { strict: false }).values()].flatMap(({ providers }) => {
    const host = [...providers].find(([token]) => typeof token === 'function' && token.name === SCHEMA_HOST)?.[1];
    if (!host) return [];
    const options = (providers.get(OPTIONS)?.instance ?? {}) as { path?: string; useGlobalPrefix?: boolean };
    const path = withSlash(options.path ?? 'graphql');
    const isPrefixed = options.useGlobalPrefix === true && prefix !== '';
    const { schema } = host.instance as { schema: Schema };
    return fieldsOf(schema, isPrefixed ? withSlash(prefix) + path : path);
  });
}

function fieldsOf(schema: Schema, path: string): GraphqlOperationField[] {
  const types = [
    ['query', schema.getQueryType()],
    ['mutation', schema.getMutationType()],
    ['subscription', schema.getSubscriptionType()],
  ] as const;
  return types.flatMap(([kind, type]) =>
    Object.values(type?.getFields?.() ?? {}).map((field) => ({ name: `${kind} ${field.name}`, kind, field, path })),
  );
}

function withSlash(path: string): string {
  return path.startsWith('/') ? path : `/${path}`;
}
