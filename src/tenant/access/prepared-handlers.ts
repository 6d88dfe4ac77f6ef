import { Injectable } from '@nestjs/common';
import { EXCEPTION_FILTERS_METADATA, GUARDS_METADATA, INTERCEPTORS_METADATA } from '@nestjs/common/constants.js';
import { MessageIdentification } from '../identification/message-identification.js';
import { AccessGuard } from './access.guard.js';
import { GatewayHandshakes } from './gateway-handshakes.js';
import { UnservableHandlerError } from './handler.errors.js';
import { RefusedMessageFilter } from './refused-message.filter.js';
import { ResolvingInterceptor } from './resolving.interceptor.js';
import { StreamInterceptor } from './stream.interceptor.js';
import { separateContexts } from '../transports/separate-contexts.js';
import { isGateway, type TransportHandler, TransportHandlers } from './transport-handlers.js';

/** Where `@nestjs/graphql` keeps its options. */
const GRAPHQL_OPTIONS = 'GqlModuleOptions';

interface GraphqlOptions {
  context?: unknown;
  readonly fieldResolverEnhancers?: readonly string[];
}

/**
 * Guards the handlers of gateways, microservices and streams that are tenants': global guards and interceptors do not reach all of
 * them. Refuses the start where a handler could not run as it is decorated.
 */
@Injectable()
export class PreparedHandlers {
  private readonly filter = new RefusedMessageFilter();

  constructor(
    private readonly handlers: TransportHandlers,
    private readonly handshakes: GatewayHandshakes,
    private readonly messages: MessageIdentification,
    private readonly guard: AccessGuard,
    private readonly interceptor: ResolvingInterceptor,
    private readonly streams: StreamInterceptor,
  ) {}

  /**
   * Call it before Nest connects gateways and registers routes and patterns.
   *
   * @throws UnservableHandlerError
   */
  prepare(): void {
    const handlers = [...this.handlers.all()];
    for (const handler of handlers) this.prepareHandler(handler);
    for (const type of new Set(handlers.map((handler) => handler.type).filter(isGateway))) {
      const own = handlers.filter((handler) => handler.type === type && handler.kind === 'socket-message');
      const tenants = own.filter(({ access }) => access === 'tenant');
      if (tenants.length === 0) continue;
      for (const gateway of this.handlers.instancesOf(type)) {
        this.handshakes.observe(gateway, tenants.length === own.length);
      }
    }
  }

  /**
   * Call it when GraphQL's options are known, and before its modules read them.
   *
   * @throws UnservableHandlerError
   */
  checkGraphql(): void {
    for (const options of this.handlers.provided(GRAPHQL_OPTIONS)) this.checkGraphqlOptions(options as GraphqlOptions);
  }

  private checkGraphqlOptions(options: GraphqlOptions): void {
    if (typeof options.context === 'function') options.context = separateContexts(options.context as never);
    if (typeof options.context === 'object') {
      throw new UnservableHandlerError(
        'GraphQLModule',
        'has an object as its `context`, which all requests would share, whatever their tenant: make it a function',
      );
    }
    if (options.fieldResolverEnhancers?.includes('guards')) return;
    for (const { kind, handler, name } of this.handlers.all()) {
      if (kind !== 'field' || !this.handlers.isDecoratedItself(handler)) continue;
      throw new UnservableHandlerError(
        name,
        "is the resolver of a field, whose decorator has no effect without fieldResolverEnhancers: ['guards']",
      );
    }
  }

  private prepareHandler(handler: TransportHandler): void {
    switch (handler.kind) {
      case 'socket-message':
      case 'microservice-message':
        return this.prepareMessage(handler);
      case 'stream':
        if (handler.access === 'tenant') add(INTERCEPTORS_METADATA, handler, this.streams, 'last');
        return;
      case 'field':
      case 'operation':
    }
  }

  private prepareMessage(handler: TransportHandler): void {
    if (handler.access === 'public') return;
    if (handler.kind === 'microservice-message') this.checkMicroservice(handler);
    add(GUARDS_METADATA, handler, this.guard, 'first');
    add(INTERCEPTORS_METADATA, handler, this.interceptor, 'first');
    add(EXCEPTION_FILTERS_METADATA, handler, this.filter, 'last');
  }

  private checkMicroservice({ name, access }: TransportHandler): void {
    if (access === 'control-plane') {
      throw new UnservableHandlerError(name, 'is @ControlPlane(), which no message of a microservice can be');
    }
    if (this.messages.isPossible) return;
    throw new UnservableHandlerError(
      name,
      "is a tenant's, and nothing says which: give TenantryModule.forRoot a `messageResolver`, or mark it @Public()",
    );
  }
}

/** An enhancer that an earlier application of the process has added is replaced. */
function add(key: string, { handler }: TransportHandler, enhancer: object, place: 'first' | 'last'): void {
  const present = (Reflect.getMetadata(key, handler) ?? []) as unknown[];
  const others = present.filter((each) => (each as object).constructor !== enhancer.constructor);
  Reflect.defineMetadata(key, place === 'first' ? [enhancer, ...others] : [...others, enhancer], handler);
}
