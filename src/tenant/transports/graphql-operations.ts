import type { IncomingMessage } from 'node:http';
import { Injectable } from '@nestjs/common';
import type { HttpRequest } from '../../http/requests/http-request.js';
import { currentContext, runInContext } from '../../platform/context.js';
import type { OpenContext } from '../context/tenant-context.js';
import type { Caller } from '../identification/caller.js';
import { RequestIdentification } from '../identification/request-identification.js';
import { handshakeRequest } from './handshake-request.js';
import { once, type TransportCall } from './transport-call.js';
import { SharedGraphqlContextError } from './transports.errors.js';

/** A query, a mutation or a subscription, whose resolvers run in one context. */
export interface GraphqlOperation extends TransportCall {
  readonly source: object;
  /** Decides again, for subscriptions. */
  recheck(): Caller | Promise<Caller>;
  /** Why a subscription has been ended. */
  rejection?: unknown;
}

/** Of the context values that Apollo, Mercurius and graphql-ws pass to resolvers: where the operation's request is. */
interface ContextValue {
  /** Nest's: the request; of a subscription over graphql-ws its connection. */
  readonly req?: unknown;
  readonly request?: unknown;
  readonly reply?: { readonly request?: unknown };
  readonly extra?: { readonly request?: unknown };
  readonly connectionParams?: unknown;
  /** Of Mercurius, for subscriptions: what the client has sent with `connection_init`. */
  readonly _connectionInit?: unknown;
}

/** The operations in progress, by the context value that GraphQL passes to all resolvers of one. */
@Injectable()
export class GraphqlOperations {
  private readonly operations = new WeakMap<object, GraphqlOperation>();

  constructor(private readonly identification: RequestIdentification) {}

  /**
   * Undefined for a context value without a request: an operation that the application runs itself.
   *
   * @throws SharedGraphqlContextError
   */
  of(contextValue: unknown): GraphqlOperation | undefined {
    if (typeof contextValue !== 'object' || contextValue === null) return undefined;
    const source = sourceOf(contextValue);
    if (!source) return undefined;
    const known = this.operations.get(contextValue);
    if (known && known.source !== source) throw new SharedGraphqlContextError();
    const operation = known ?? this.create(contextValue, source);
    if (!known) this.operations.set(contextValue, operation);
    return operation;
  }

  /** Runs a resolver in its operation's context. @throws SharedGraphqlContextError */
  run<T>(contextValue: unknown, work: (operation?: GraphqlOperation) => T): T {
    const operation = this.of(contextValue);
    if (!operation || currentContext() === operation.context) return work(operation);
    return runInContext(operation.context, () => work(operation));
  }

  private create(contextValue: ContextValue, source: object): GraphqlOperation {
    const context: OpenContext = {};
    const upgrade = upgradeOf(source) ?? (contextValue._connectionInit === undefined ? undefined : source);
    if (!upgrade) {
      const request = source as HttpRequest;
      const identify: TransportCall['caller'] = (by) =>
        by === 'resolver' ? this.identification.tenantCaller(request) : this.identification.byCredential(request);
      return {
        source,
        context,
        caller: once(identify),
        recheck: () => this.identification.currentCaller(request, 'resolver'),
      };
    }
    const handshake = handshakeRequest(source, nodeRequestOf(upgrade), tokenOf(source, contextValue));
    const identify: TransportCall['caller'] = (by) => this.identification.currentCaller(handshake, by);
    return { source, context, caller: once(identify), recheck: () => identify('resolver') };
  }
}

/** The request, or the connection of a subscription; undefined where there is neither. */
function sourceOf(contextValue: ContextValue): object | undefined {
  const { req, request, reply } = contextValue;
  const source = req ?? request ?? reply?.request ?? contextValue;
  return hasHeaders(source) || upgradeOf(source) ? source : undefined;
}

function upgradeOf(source: unknown): object | undefined {
  const { extra } = source as ContextValue;
  return hasHeaders(extra?.request) ? (extra?.request as object) : undefined;
}

/** Fastify wraps Node's request. */
function nodeRequestOf(request: object): IncomingMessage {
  return ((request as HttpRequest).raw ?? request) as IncomingMessage;
}

function hasHeaders(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'headers' in value;
}

/** The names that clients of graphql-ws use. */
function tokenOf(source: ContextValue, contextValue: ContextValue): unknown {
  const parameters = source.connectionParams ?? contextValue.connectionParams ?? contextValue._connectionInit;
  const { authorization, Authorization, token } = (parameters ?? {}) as Record<string, unknown>;
  return authorization ?? Authorization ?? token;
}
