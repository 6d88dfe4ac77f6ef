import type { INestApplication } from '@nestjs/common';
import type { Access } from '../../../tenant/access/access.js';
import { RouteAccess } from '../../../tenant/access/route-access.js';
import { type TransportHandler, TransportHandlers } from '../../../tenant/access/transport-handlers.js';
import { type GraphqlOperationField, graphqlFieldsOf } from './graphql-endpoint.js';

/** Of `@nestjs/graphql`: `Query`, `Mutation` or `Subscription`, and the name in the schema where it is not the method's. */
const OPERATION_TYPE = 'graphql:resolver_type';
const OPERATION_NAME = 'graphql:resolver_name';

/** What callers reach other than by a route. */
export interface TestedHandler {
  /** `query notes`, `message NotesGateway.list` */
  readonly name: string;
  readonly access: Access;
  /** Whether a decorator, or `guard: 'global'`, has decided about its access. */
  readonly isDecided: boolean;
  /** What is sent to it; undefined for a message, a subscription, and a resolver that no schema has. */
  readonly operation?: GraphqlOperationField;
}

/** The operations of GraphQL, and the messages of gateways and microservices. */
export function handlersOf(app: INestApplication): TestedHandler[] {
  const routes = app.get(RouteAccess, { strict: false });
  const resolvers = new Map<string, TestedHandler>();
  const messages: TestedHandler[] = [];
  for (const found of app.get(TransportHandlers, { strict: false }).all()) {
    const { access, handler, kind, type } = found;
    const isDecided = access === 'tenant' || routes.decorated(handler, type as never) !== undefined;
    const tested = { access, isDecided };
    if (kind === 'operation') resolvers.set(operationName(found), { ...tested, name: operationName(found) });
    else if (kind.endsWith('message')) messages.push({ ...tested, name: `message ${found.name}` });
  }
  for (const operation of graphqlFieldsOf(app)) {
    const { name, kind } = operation;
    const handler = resolvers.get(name) ?? { name, access: 'public', isDecided: false };
    resolvers.set(name, kind === 'subscription' ? handler : { ...handler, operation });
  }
  return [...resolvers.values(), ...messages];
}

function operationName({ handler, name }: TransportHandler): string {
  const read = (key: string): string | undefined => Reflect.getMetadata(key, handler) as string | undefined;
  return `${read(OPERATION_TYPE)?.toLowerCase()} ${read(OPERATION_NAME) ?? name.slice(name.indexOf('.') + 1)}`;
}
