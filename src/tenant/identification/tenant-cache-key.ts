import { createHash } from 'node:crypto';
import type { ExecutionContext } from '@nestjs/common';
import type { HttpRequest } from '../../http/requests/http-request.js';
import { principalText } from './principal-text.js';
import { callerOf } from './request-identification.js';

/**
 * The key under which a response may be cached: for `trackBy` of `CacheInterceptor` (`@nestjs/cache-manager`), whose own keys
 * are addresses alone, so that one tenant's response would be served to another. It contains the tenant, the credential, and the
 * principal that a resolver of the application has returned: plain data, maps, sets, and what `toJSON()` returns.
 *
 * @returns `undefined` when the response must not be cached: not a GET of a tenant, `Cache-Control: no-store` or `no-cache`
 * @throws UncacheablePrincipalError for a principal of which two callers could have the same: an instance of a class without
 *   `toJSON()`, a function, a cycle
 */
export function tenantCacheKey(context: ExecutionContext): string | undefined {
  const request = context.switchToHttp().getRequest<HttpRequest>();
  const { method, url, headers } = request;
  const caller = callerOf(request);
  if (method !== 'GET' || caller.kind !== 'tenant' || !caller.scope) return undefined;
  if (/\bno-(store|cache)\b/i.test(headers['cache-control'] ?? '')) return undefined;
  return `${caller.scope.tenant.id}:${identityOf(headers, caller.principal)}:${url}`;
}

function identityOf({ authorization, cookie }: HttpRequest['headers'], principal: unknown): string {
  return createHash('sha256')
    .update(JSON.stringify([authorization, cookie, principalText(principal)]))
    .digest('hex');
}
