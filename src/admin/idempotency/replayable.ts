import type { FastifyReply } from 'fastify';
import type { OnceAnswered } from './idempotency.js';

/** The answer, and a header that tells when it is that of an earlier request. */
export function replayable<Answer>(reply: FastifyReply, { answer, isReplayed }: OnceAnswered<Answer>): Answer {
  if (isReplayed) void reply.header('idempotency-replayed', 'true');
  return answer;
}
