import { applyDecorators, SetMetadata, UseInterceptors } from '@nestjs/common';
import { RESPONSE_TTL_MS, TenantCacheInterceptor } from './tenant-cache.interceptor.js';

/**
 * Serves a tenant's GET route from `TenantCache`: a response goes to the tenant, credential and principal that it was made
 * for, and to no other. On a controller it means each of its GET routes.
 *
 * Only the body of a response with status 200 is kept, as JSON. `TenantCache.clear()` deletes it early.
 *
 * @param options `ttlMs`: how long a response may be served, in ms; `CACHE_DEFAULT_TTL` unless given
 */
export const CacheResponse = (options: { readonly ttlMs?: number } = {}): ClassDecorator & MethodDecorator =>
  applyDecorators(SetMetadata(RESPONSE_TTL_MS, options.ttlMs), UseInterceptors(TenantCacheInterceptor));
