import type { Operator } from '../../catalog/model/operator.js';
import type { HttpRequest } from '../../http/requests/http-request.js';
import { callerOf } from './request-identification.js';
import { UnauthenticatedError } from './identification.errors.js';

/** The operator who calls a control-plane route. @throws UnauthenticatedError on a route without an operator */
export function operatorOf(request: HttpRequest): Operator {
  const caller = callerOf(request);
  if (caller.kind !== 'operator') throw new UnauthenticatedError('no credential of an operator');
  return caller.operator;
}
