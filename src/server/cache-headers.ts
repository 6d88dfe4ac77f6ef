import type { FastifyInstance } from 'fastify';

/** What selects a tenant besides the address: a cache that keys by address alone would serve one tenant's answer to another. */
const VARY = 'Authorization, X-Tenant-ID';

/**
 * Keeps answers out of shared caches: `Cache-Control: private, no-store`, unless a route sets its own, and `Vary` always.
 * Source: RFC 9111 §5.2.2 and RFC 9110 §12.5.5.
 */
export function preventSharedCaching(server: FastifyInstance): void {
  server.addHook('onSend', (_request, reply, _payload, done) => {
    if (!reply.hasHeader('cache-control')) void reply.header('cache-control', 'private, no-store');
    const vary = reply.getHeader('vary');
    void reply.header('vary', vary === undefined ? VARY : `${String(vary)}, ${VARY}`);
    done();
  });
}
