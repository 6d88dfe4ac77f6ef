import { applyDecorators, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import type { FastifyRequest } from 'fastify';
import { ValidationFailedError } from '../../platform/errors/request.errors.js';
import { ApiProblem } from '../../http/api-problem.decorator.js';

const HEADER = 'Idempotency-Key';
const SHAPE = /^[\x20-\x7e]{1,255}$/;

/** The `Idempotency-Key` of a request, if it has one. @throws ValidationFailedError */
export const IdempotencyKey = createParamDecorator((_data: undefined, context: ExecutionContext) => {
  const key = context.switchToHttp().getRequest<FastifyRequest>().headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key === 'string' && SHAPE.test(key)) return key;
  throw new ValidationFailedError([{ field: HEADER, message: 'must be 1-255 characters of printable ASCII' }]);
});

/** Documents that a route answers a repeated request as it did before. */
export function ApiRepeatable(conflict: string): MethodDecorator {
  return applyDecorators(
    ApiHeader({
      name: HEADER,
      required: false,
      description:
        'Sent again with the same key within 24 hours, the request creates nothing more: the answer is the same, with ' +
        '`Idempotency-Replayed: true`',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    }),
    ApiProblem('VALIDATION_FAILED'),
    ApiProblem('CONFLICT', `${conflict}, or the Idempotency-Key was used for another request`),
  );
}
