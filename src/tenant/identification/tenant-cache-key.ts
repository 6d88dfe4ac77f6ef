import { createHash } from 'node:crypto';
import type { ExecutionContext } from '@nestjs/common';
import type { HttpRequest } from '../../http/http-request.js';
import { callerOf } from './request-identification.js';

/**
 * The key under which a response may be cached: for `trackBy` of `CacheInterceptor` (`@nestjs/cache-manager`), whose own keys
 * are addresses alone, so that one tenant's response would be served to another. It contains the tenant and the credential.
 *
 * @returns `undefined` when the response must not be cached: not a GET of a tenant, or `Cache-Control: no-store` or `no-cache`
 */
export function tenantCacheKey(context: ExecutionContext): string | undefined {
  const request = context.switchToHttp().getRequest<HttpRequest>();
  const { method, url, headers } = request;
  const caller = callerOf(request);
  if (method !== 'GET' || caller.kind !== 'tenant' || !caller.scope) return undefined;
  if (/\bno-(store|cache)\b/i.test(headers['cache-control'] ?? '')) return undefined;
  const credential = createHash('sha256')
    .update(JSON.stringify([headers.authorization, headers.cookie]))
    .digest('hex');
  return `${caller.scope.tenant.id}:${credential}:${url}`;
}
