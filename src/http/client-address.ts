import type { FastifyRequest } from 'fastify';

/** An IPv4 address as a socket for both families reports it. */
const MAPPED_IPV4 = /^::ffff:(?=\d+\.)/i;
/** Longer than any address. What a trusted proxy forwards is not checked to be one. */
const MAX_LENGTH = 64;

/** The address that the request came from: the connection's, or what `TRUSTED_PROXIES` forwarded. */
export function clientAddress({ ip }: Pick<FastifyRequest, 'ip'>): string {
  return (ip ?? 'unknown').replace(MAPPED_IPV4, '').slice(0, MAX_LENGTH);
}
