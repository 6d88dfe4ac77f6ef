import type { FastifyInstance } from 'fastify';
import { preventSharedCaching } from '../http/requests/shared-caches.js';

/** Keeps every answer out of shared caches, unless its route says otherwise. */
export function addCacheHeaders(server: FastifyInstance): void {
  server.addHook('onSend', (_request, reply, _payload, done) => {
    preventSharedCaching(reply);
    done();
  });
}
