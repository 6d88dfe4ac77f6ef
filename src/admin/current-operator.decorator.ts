import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { Operator } from '../catalog/model/operator.js';
import type { HttpRequest } from '../http/requests/http-request.js';
import { operatorOf } from '../tenant/identification/request-operator.js';

/** The operator who calls a control-plane route. */
export const CurrentOperator = createParamDecorator((_data: unknown, context: ExecutionContext): Operator =>
  operatorOf(context.switchToHttp().getRequest<HttpRequest>()),
);
