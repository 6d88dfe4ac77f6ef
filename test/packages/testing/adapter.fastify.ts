import { FastifyAdapter } from '@nestjs/platform-fastify';

export function createAdapter(): FastifyAdapter {
  return new FastifyAdapter();
}
