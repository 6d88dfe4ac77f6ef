import { Inject, Injectable, Optional } from '@nestjs/common';
import { Authenticator } from './authenticator.js';
import type { Caller } from './caller.js';
import { MESSAGE_RESOLVER, type MessageResolver, type TenantMessage } from './message-resolver.js';
import { parseResolverResult } from './tenant-resolver.js';

/** A message has no host, path or header that selects. */
const NO_SELECTORS = { host: undefined, subdomain: undefined, header: undefined, path: undefined };
const ORIGIN = { address: 'unknown', requestId: '' };

/** Decides who has sent a microservice's message. */
@Injectable()
export class MessageIdentification {
  constructor(
    private readonly authenticator: Authenticator,
    @Optional() @Inject(MESSAGE_RESOLVER) private readonly resolver: MessageResolver | undefined,
  ) {}

  /** Whether the application has a message resolver. */
  get isPossible(): boolean {
    return this.resolver !== undefined;
  }

  /** Never rejects. */
  async callerOf(message: TenantMessage): Promise<Caller> {
    try {
      const resolved = parseResolverResult(await this.resolver?.resolve(message as TenantMessage<never, never>));
      return resolved
        ? await this.authenticator.identifyResolved(resolved, NO_SELECTORS, ORIGIN)
        : { kind: 'anonymous' };
    } catch (rejection) {
      return { kind: 'refused', rejection };
    }
  }
}
