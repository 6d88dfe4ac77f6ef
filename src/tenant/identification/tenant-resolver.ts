import { z } from 'zod';
import { CodedError } from '../../platform/errors/coded-error.js';

/** Which tenant a request works for, and who asks. */
export interface ResolvedTenant {
  /** Slug or id. */
  readonly tenant: string;
  /** Whatever the application knows of the caller; `TenantContext.current().principal` from then on. */
  readonly principal?: unknown;
}

/**
 * Decides which tenant a request works for, from what the application has verified itself: a session, a token, a membership.
 * What the client merely claims (a header, a host name) only selects among what was verified.
 */
export interface TenantResolver {
  /**
   * Whether this resolver decides for the request. Others are identified as without a resolver, by API key or JSON Web Token, and
   * take no longer: called for every request, it should read nothing but headers. Default: all requests.
   *
   * @param request the framework's own request: Express's or Fastify's
   */
  handles?(request: never): boolean;
  /**
   * @param request the framework's own request: Express's or Fastify's
   * @returns nothing when the request has no tenant: tenant routes answer 401 then
   */
  resolve(request: never): ResolvedTenant | null | undefined | void | Promise<ResolvedTenant | null | undefined | void>;
}

/** Injection token of the application's resolver; not provided where API keys and tokens identify callers. */
export const TENANT_RESOLVER = Symbol.for('tenantry/tenant-resolver');

/** Raised when a resolver returns anything other than a tenant or nothing. */
export class ResolverResultError extends CodedError {
  readonly code = 'RESOLVER_RESULT';

  constructor() {
    super('the tenant resolver must return { tenant: <slug or id>, principal? } or nothing');
  }
}

const result = z.object({ tenant: z.string().min(1), principal: z.unknown().optional() }).nullish();

/** @throws ResolverResultError */
export function parseResolverResult(returned: unknown): ResolvedTenant | undefined {
  const parsed = result.safeParse(returned);
  if (!parsed.success) throw new ResolverResultError();
  return parsed.data ?? undefined;
}
