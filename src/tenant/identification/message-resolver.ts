import type { ResolvedTenant } from './tenant-resolver.js';

/** A message of a microservice, as its handler receives it. */
export interface TenantMessage<Data = unknown, Context = unknown> {
  readonly data: Data;
  /** The transport's: `TcpContext`, `NatsContext`, `KafkaContext`, … */
  readonly context: Context;
}

/** Decides which tenant a microservice's message works for, from its metadata or its content. */
export interface MessageResolver {
  /**
   * Called for every message.
   *
   * @returns nothing when the message has no tenant: handlers of tenants refuse it then
   */
  resolve(
    message: TenantMessage<never, never>,
  ): ResolvedTenant | null | undefined | void | Promise<ResolvedTenant | null | undefined | void>;
}

/** Injection token of the application's message resolver; not provided without the option `messageResolver`. */
export const MESSAGE_RESOLVER = Symbol.for('tenantry/message-resolver');
