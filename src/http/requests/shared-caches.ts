import type { HttpResponse } from './http-request.js';

/** What selects a tenant besides the address: a cache that keys by address alone would serve one tenant's answer to another. */
const VARY = 'Authorization, X-Tenant-ID';

/**
 * Keeps an answer out of shared caches: `Cache-Control: private, no-store`, unless it has one already, and `Vary` always.
 * Source: RFC 9111 §5.2.2 and RFC 9110 §12.5.5.
 */
export function preventSharedCaching(response: Pick<HttpResponse, 'header' | 'getHeader'>): void {
  if (response.getHeader('cache-control') === undefined) response.header('cache-control', 'private, no-store');
  const vary = [response.getHeader('vary') ?? []].flat().join(', ');
  if (!vary.includes(VARY)) response.header('vary', vary === '' ? VARY : `${vary}, ${VARY}`);
}
