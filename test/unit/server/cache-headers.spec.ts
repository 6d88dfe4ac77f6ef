import { describe, expect, it } from '@jest/globals';
import { fastify } from 'fastify';
import { addCacheHeaders } from '../../../src/server/cache-headers.js';

describe('an answer of the server', () => {
  const server = fastify();
  addCacheHeaders(server);
  server.get('/plain', () => 'one tenant only');
  server.get('/own', (_request, reply) =>
    reply.header('cache-control', 'public, max-age=60').header('vary', 'Accept').send('for everyone'),
  );

  it.each([
    ['an ordinary answer', '/plain', 'private, no-store', 'Authorization, X-Tenant-ID'],
    ['an error', '/nothing', 'private, no-store', 'Authorization, X-Tenant-ID'],
    ['a route with its own headers', '/own', 'public, max-age=60', 'Accept, Authorization, X-Tenant-ID'],
  ])('is kept out of shared caches unless it says otherwise: %s', async (_what, url, cacheControl, vary) => {
    const { headers } = await server.inject(url);
    expect(headers).toMatchObject({ 'cache-control': cacheControl, vary });
  });
});
