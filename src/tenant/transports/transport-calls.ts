import { type ExecutionContext, Injectable } from '@nestjs/common';
import { MessageIdentification } from '../identification/message-identification.js';
import { RequestIdentification } from '../identification/request-identification.js';
import { GraphqlOperations } from './graphql-operations.js';
import { handshakeOf, type SocketClient } from './handshake-request.js';
import { closeSocket } from './socket-answers.js';
import { once, type TransportCall } from './transport-call.js';

/** The calls that no HTTP route serves, by what Nest passes to their guards and interceptors. */
@Injectable()
export class TransportCalls {
  /** By the arguments of a handler, which are an array of their own for every message. */
  private readonly messages = new WeakMap<object, TransportCall>();

  constructor(
    private readonly operations: GraphqlOperations,
    private readonly identification: RequestIdentification,
    private readonly messageIdentification: MessageIdentification,
  ) {}

  /** Undefined for a call without a request, a handshake or a message that its caller could be identified by. */
  of(context: ExecutionContext): TransportCall | undefined {
    const args = context.getArgs<unknown[]>();
    switch (context.getType<string>()) {
      case 'graphql':
        return this.operations.of(args.length > 3 ? args[2] : args[1]); // references of a federation have no arguments
      case 'ws':
        return this.messageOf(args, () => this.socketMessage(args[0] as SocketClient));
      case 'rpc':
        return this.messageOf(args, () => this.microserviceMessage(args[0], args[1]));
      default:
        return undefined;
    }
  }

  private messageOf(args: unknown[], create: () => TransportCall | undefined): TransportCall | undefined {
    const call = this.messages.get(args) ?? create();
    if (call) this.messages.set(args, call);
    return call;
  }

  private socketMessage(client: SocketClient): TransportCall | undefined {
    const handshake = handshakeOf(client);
    if (!handshake) return undefined;
    return {
      context: {},
      caller: once((by) => this.identification.currentCaller(handshake, by)),
      // The exception filter answers the message first.
      onRefused: (rejection) => setImmediate(closeSocket, client, (rejection as { code?: string }).code ?? 'FORBIDDEN'),
    };
  }

  private microserviceMessage(data: unknown, context: unknown): TransportCall {
    return { context: {}, caller: once(() => this.messageIdentification.callerOf({ data, context })) };
  }
}
