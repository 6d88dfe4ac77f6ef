import { newUsage } from '../../database/statements/usage.js';
import { Inject, Injectable, Optional } from '@nestjs/common';
import { APP_CONFIG, type AppConfig, type OidcConfig } from '../../platform/config/app-config.js';
import { clientAddress } from '../../http/requests/client-address.js';
import type { HttpRequest } from '../../http/requests/http-request.js';
import { requestState, setRequestState } from '../../http/requests/request-state.js';
import type { Caller } from './caller.js';
import { Authenticator } from './authenticator.js';
import { sessionTokenOf } from '../operators/session-cookie.js';
import { selectorsOf } from './selectors.js';
import { parseResolverResult, TENANT_RESOLVER, type TenantResolver } from './tenant-resolver.js';

const ANONYMOUS: Caller = { kind: 'anonymous' };

/** The caller of the request; anonymous until it is identified. */
export function callerOf(request: HttpRequest): Caller {
  return (requestState(request)?.caller as Caller | undefined) ?? ANONYMOUS;
}

/** Decides who the caller of a request is, and remembers it with the request. */
@Injectable()
export class RequestIdentification {
  private readonly baseDomain: string | undefined;
  private readonly oidc: OidcConfig | undefined;

  constructor(
    @Inject(APP_CONFIG) { http, security }: AppConfig,
    private readonly authenticator: Authenticator,
    @Optional() @Inject(TENANT_RESOLVER) private readonly resolver: TenantResolver | undefined,
  ) {
    this.baseDomain = http.tenantBaseDomain;
    this.oidc = security.oidc;
  }

  /** Whether this application has identified the request's caller. */
  isDone(request: HttpRequest): boolean {
    return requestState(request)?.identifiedBy === this.authenticator;
  }

  /** By the application's resolver, or by the credential where that handles none or not this one; once per request. Never rejects. */
  tenantCaller(request: HttpRequest): Caller | Promise<Caller> {
    const resolver = this.isDone(request) ? undefined : this.resolverFor(request);
    return resolver ? this.byResolver(resolver, request) : this.byCredential(request);
  }

  /** By the request's `Authorization`, or the session of an operator in the console; once per request. Never rejects; returns a promise only if something must be loaded. */
  byCredential(request: HttpRequest): Caller | Promise<Caller> {
    if (this.isDone(request)) return callerOf(request);
    const caller = this.callerByCredential(request);
    return caller instanceof Promise
      ? caller.then((known) => this.remember(request, known))
      : this.remember(request, caller);
  }

  /**
   * The same decisions, not remembered: for connections that outlive a request, which decide at every message.
   * Never rejects.
   */
  currentCaller(request: HttpRequest, by: 'resolver' | 'credential'): Caller | Promise<Caller> {
    const resolver = by === 'resolver' ? this.resolverFor(request) : undefined;
    return resolver ? this.callerByResolver(resolver, request) : this.callerByCredential(request);
  }

  /**
   * The same for a request that was admitted as an operator's, while its response is open: no further attempt, which would
   * count. Never rejects.
   */
  operatorNow(request: HttpRequest): Caller | Promise<Caller> {
    return this.callerByCredential(request, true);
  }

  /** One whose `handles` throws decides, and fails: the credential must not stand in for it. */
  private resolverFor(request: HttpRequest): TenantResolver | undefined {
    try {
      return this.resolver?.handles?.(request as never) === false ? undefined : this.resolver;
    } catch (error) {
      const fail = (): never => {
        throw error;
      };
      return { resolve: fail };
    }
  }

  private async byResolver(resolver: TenantResolver, request: HttpRequest): Promise<Caller> {
    return this.remember(request, await this.callerByResolver(resolver, request));
  }

  private callerByCredential(request: HttpRequest, isAdmitted = false): Caller | Promise<Caller> {
    const { authorization } = request.headers;
    const origin = new RequestOrigin(request);
    if (this.oidc && authorization === undefined) {
      const token = sessionTokenOf(request, this.oidc);
      if (token !== undefined) return this.authenticator.identifySession(token, origin, isAdmitted);
    }
    const selectors = selectorsOf(request, this.baseDomain);
    return isAdmitted
      ? this.authenticator.identifyAgain(authorization, selectors, origin)
      : this.authenticator.identify(authorization, selectors, origin);
  }

  private async callerByResolver(resolver: TenantResolver, request: HttpRequest): Promise<Caller> {
    try {
      const resolved = parseResolverResult(await resolver.resolve(request as never));
      if (!resolved) return ANONYMOUS;
      const origin = new RequestOrigin(request);
      return await this.authenticator.identifyResolved(resolved, selectorsOf(request, this.baseDomain), origin);
    } catch (rejection) {
      return { kind: 'refused', rejection };
    }
  }

  private remember(request: HttpRequest, caller: Caller): Caller {
    setRequestState(request, { caller, usage: newUsage(), identifiedBy: this.authenticator });
    return caller;
  }
}

/** Reads the address only when it is needed: deriving it costs more than the rest. */
class RequestOrigin {
  constructor(private readonly request: HttpRequest) {}

  get address(): string {
    return clientAddress(this.request);
  }

  get requestId(): string {
    const { id } = this.request;
    return typeof id === 'string' ? id : '';
  }
}
