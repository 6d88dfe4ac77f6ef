import { applyDecorators, createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { ApiHeader } from '@nestjs/swagger';
import { ValidationFailedError } from '../../platform/errors/request.errors.js';
import { ApiProblem } from '../../http/problems/api-problem.decorator.js';
import type { HttpRequest } from '../../http/requests/http-request.js';
import type { Operator } from '../../catalog/model/operator.js';
import { operatorOf } from '../../tenant/identification/request-operator.js';
import { idempotencyKeySchema } from './idempotency.js';

const HEADER = 'Idempotency-Key';

/** The value of the `Idempotency-Key` header, or `undefined` without one. @throws ValidationFailedError */
export const IdempotencyKey = createParamDecorator((_data: undefined, context: ExecutionContext) => {
  const request = context.switchToHttp().getRequest<HttpRequest>();
  const parsed = idempotencyKeySchema.safeParse(request.headers['idempotency-key']);
  if (parsed.success) return parsed.data === undefined ? undefined : ownKey(operatorOf(request), parsed.data);
  throw new ValidationFailedError([{ field: HEADER, message: 'must be 1-255 characters of printable ASCII' }]);
});

/** Each operator has keys of its own: an answer may hold a secret, and is for the operator alone who has asked. */
function ownKey({ id }: Operator, key: string): string {
  return id === null ? key : `${id}:${key}`;
}

/** Documents a route's `Idempotency-Key` header. `conflict` describes the route's own conflicts. */
export function ApiIdempotent(conflict: string): MethodDecorator {
  return applyDecorators(
    ApiHeader({
      name: HEADER,
      required: false,
      description:
        'Repeating a request with the same key within 24 hours creates nothing new: the original response is ' +
        'returned, with `Idempotency-Replayed: true`',
      schema: { type: 'string', minLength: 1, maxLength: 255 },
    }),
    ApiProblem('VALIDATION_FAILED'),
    ApiProblem('CONFLICT', `${conflict}, or the Idempotency-Key was already used for another request`),
  );
}
