import type { IncomingMessage } from 'node:http';
import { Inject, Injectable } from '@nestjs/common';
import { TenantContext } from '../context/tenant-context.js';
import type { Caller } from '../identification/caller.js';
import { RequestIdentification } from '../identification/request-identification.js';
import { handshakeOf, rememberHandshake, type SocketClient } from '../transports/handshake-request.js';
import { OpenCalls } from '../transports/open-calls.js';
import { closeSocket, sendException } from '../transports/socket-answers.js';
import { ACCESS_OPTIONS, type AccessOptions } from './access.js';
import { refusedMessage } from './refused-message.filter.js';
import { requireAccess } from './require-access.js';

type OnConnection = (this: object, client: SocketClient, ...rest: unknown[]) => unknown;

/** The methods of a gateway that Nest calls when a client comes and goes. */
interface Gateway {
  handleConnection?: OnConnection;
  handleDisconnect?: OnConnection;
}

/**
 * Decides who a gateway's client is when it connects: refuses it, or runs the gateway's `handleConnection` and `handleDisconnect`
 * in its tenant's context, and closes the socket when the caller is refused later. With `resolveAfterGuards` the first message decides:
 * no guard has run before.
 */
@Injectable()
export class GatewayHandshakes {
  /** Of the clients that are decided. */
  private readonly callers = new WeakMap<object, Caller>();
  private readonly watched = new WeakMap<object, () => void>();
  private readonly disconnected = new WeakSet<object>();

  constructor(
    @Inject(ACCESS_OPTIONS) private readonly options: AccessOptions,
    private readonly identification: RequestIdentification,
    private readonly context: TenantContext,
    private readonly openCalls: OpenCalls,
  ) {}

  /**
   * Call it once for each gateway, before Nest connects them. Its class, which other applications of the process may have as
   * well, stays as it is.
   *
   * @param isTenantsOnly whether every message of the gateway is a tenant's
   */
  observe(gateway: Gateway, isTenantsOnly: boolean): void {
    const { handleConnection, handleDisconnect } = gateway;
    gateway.handleConnection = this.onConnection(handleConnection, isTenantsOnly);
    gateway.handleDisconnect = this.onDisconnection(handleDisconnect);
  }

  /** Call it when a message has been admitted. */
  onAdmitted(client: SocketClient, caller: Caller): void {
    if (caller.kind !== 'tenant' || this.watched.has(client) || this.disconnected.has(client)) return;
    this.remember(client, caller);
  }

  private onConnection(own: OnConnection | undefined, isTenantsOnly: boolean): OnConnection {
    const connect = (client: SocketClient, call: () => unknown): unknown => this.connect(client, isTenantsOnly, call);
    return function (client, ...rest) {
      rememberHandshake(client, rest[0] as IncomingMessage | undefined);
      return connect(client, () => own?.call(this, client, ...rest));
    };
  }

  private async connect(client: SocketClient, isTenantsOnly: boolean, call: () => unknown): Promise<unknown> {
    const handshake = handshakeOf(client);
    if (this.options.resolveAfterGuards) return call();
    if (!handshake) return isTenantsOnly ? closeSocket(client, 'UNAUTHENTICATED') : call();
    const caller = await this.identification.currentCaller(handshake, 'resolver');
    if (this.disconnected.has(client)) return undefined;
    const refusal = isTenantsOnly ? refusalOf(caller) : undefined;
    if (refusal !== undefined) return refuse(client, refusal);
    this.remember(client, caller);
    return this.inContext(caller, call);
  }

  private remember(client: SocketClient, caller: Caller): void {
    this.callers.set(client, caller);
    if (caller.kind === 'tenant') this.watch(client, caller.tenant.id);
  }

  private onDisconnection(own: OnConnection | undefined): OnConnection {
    const disconnect = (client: object, call: () => unknown): unknown => this.disconnect(client, call);
    return function (client, ...rest) {
      return disconnect(client, () => own?.call(this, client, ...rest));
    };
  }

  private disconnect(client: object, call: () => unknown): unknown {
    this.disconnected.add(client);
    this.watched.get(client)?.();
    const caller = this.callers.get(client);
    return caller && this.inContext(caller, call);
  }

  private watch(client: SocketClient, tenantId: string): void {
    const handshake = handshakeOf(client);
    if (!handshake || this.watched.has(client)) return;
    const recheck = (): Caller | Promise<Caller> => this.identification.currentCaller(handshake, 'resolver');
    const stop = this.openCalls.watch(tenantId, recheck, (rejection) => refuse(client, rejection));
    this.watched.set(client, stop);
  }

  private inContext(caller: Caller, work: () => unknown): unknown {
    if (caller.kind !== 'tenant' || !caller.scope) return work();
    return this.context.run(caller.scope, work, { principal: caller.principal });
  }
}

/** Also while the tenant is unavailable only: a client connects again. */
function refusalOf(caller: Caller): unknown {
  try {
    requireAccess('tenant', caller);
    return undefined;
  } catch (rejection) {
    return rejection;
  }
}

function refuse(client: SocketClient, rejection: unknown): void {
  const payload = refusedMessage(rejection);
  sendException(client, payload);
  closeSocket(client, payload.code);
}
