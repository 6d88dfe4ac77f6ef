import type { FastifyReply } from 'fastify';
import type { IdempotentResult } from './idempotency.js';

/** Returns the response, and marks a replayed one with the `Idempotency-Replayed` header. */
export function withReplayHeader<T>(reply: FastifyReply, { response, isReplayed }: IdempotentResult<T>): T {
  if (isReplayed) void reply.header('idempotency-replayed', 'true');
  return response;
}
