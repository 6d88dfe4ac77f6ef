import { Injectable } from '@nestjs/common';
import { SSE_METADATA } from '@nestjs/common/constants.js';
import { MetadataScanner, ModulesContainer } from '@nestjs/core';
import type { Access } from './access.js';
import { type Handler, RouteAccess } from './route-access.js';

/** Metadata of `@nestjs/websockets`, `@nestjs/microservices` and `@nestjs/graphql`, which are known by these keys alone. */
const GATEWAY = 'websockets:is_gateway';
const SOCKET_MESSAGE = 'websockets:message_mapping';
const MICROSERVICE_MESSAGE = 'microservices:pattern';
const RESOLVED_FIELD = 'graphql:resolve_property';
const RESOLVED_OPERATION = 'graphql:resolver_type';

/**
 * `stream`: server-sent events. `field`: the resolver of a GraphQL object's field. `operation`: that of a query, a mutation or a
 * subscription.
 */
export type HandlerKind = 'socket-message' | 'microservice-message' | 'stream' | 'field' | 'operation';

export interface HandlerClass {
  readonly name: string;
  readonly prototype: object;
}

export interface TransportHandler {
  readonly kind: HandlerKind;
  readonly type: HandlerClass;
  readonly handler: Handler;
  readonly access: Access;
  /** Class and method: `NotesGateway.list`. */
  readonly name: string;
}

const KINDS: readonly (readonly [key: string, kind: HandlerKind])[] = [
  [SOCKET_MESSAGE, 'socket-message'],
  [MICROSERVICE_MESSAGE, 'microservice-message'],
  [SSE_METADATA, 'stream'],
  [RESOLVED_FIELD, 'field'],
  [RESOLVED_OPERATION, 'operation'],
];

/** The handlers that something other than a plain route calls; known once the application's modules are. */
@Injectable()
export class TransportHandlers {
  constructor(
    private readonly modules: ModulesContainer,
    private readonly routes: RouteAccess,
  ) {}

  *all(): Iterable<TransportHandler> {
    const scanner = new MetadataScanner();
    for (const type of this.classes()) {
      const prototype = type.prototype as Record<string, Handler>;
      for (const method of scanner.getAllMethodNames(prototype)) {
        const handler = prototype[method]!;
        const kind = KINDS.find(([key]) => Reflect.hasMetadata(key, handler))?.[1];
        if (kind) yield this.describe(kind, type, method, handler);
      }
    }
  }

  /** Whether a method has a decorator of access, regardless of its class. */
  isDecoratedItself(handler: Handler): boolean {
    return this.routes.decorated(handler, handler) !== undefined;
  }

  /** The values of the providers with this token, of all modules. */
  *provided(token: string): Iterable<unknown> {
    for (const { providers } of this.modules.values()) {
      const value: unknown = providers.get(token)?.instance;
      if (value !== undefined && value !== null) yield value;
    }
  }

  /** The application's objects of this class. */
  *instancesOf(type: HandlerClass): Iterable<object> {
    for (const { providers } of this.modules.values()) {
      for (const { metatype, instance } of providers.values()) {
        if (metatype === type && instance) yield instance;
      }
    }
  }

  private describe(kind: HandlerKind, type: HandlerClass, method: string, handler: Handler): TransportHandler {
    const access = this.routes.of(handler, type as never);
    return { kind, type, handler, access, name: `${type.name}.${method}` };
  }

  private *classes(): Iterable<HandlerClass> {
    const seen = new Set<unknown>();
    for (const { controllers, providers } of this.modules.values()) {
      for (const { metatype, isNotMetatype } of [...controllers.values(), ...providers.values()]) {
        if (typeof metatype !== 'function' || isNotMetatype || seen.has(metatype) || !metatype.prototype) continue;
        seen.add(metatype);
        yield metatype;
      }
    }
  }
}

export function isGateway(type: HandlerClass): boolean {
  return Reflect.hasMetadata(GATEWAY, type);
}
