import type { HttpResponse } from '../../http/requests/http-request.js';
import type { IdempotentResult } from './idempotency.js';

/** Returns the response's body, and marks a replayed one with the `Idempotency-Replayed` header. */
export function withReplayHeader<T>(http: HttpResponse, { response, isReplayed }: IdempotentResult<T>): T {
  if (isReplayed) void http.header('idempotency-replayed', 'true');
  return response;
}
