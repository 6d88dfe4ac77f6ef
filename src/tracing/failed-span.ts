import { type Span, SpanStatusCode } from '@opentelemetry/api';

const CODE = /^[\w.]{1,64}$/;

/** Only the kind of failure: an error's message may hold values. */
export function markFailed(span: Span, type: string): void {
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.setAttribute('error.type', type);
}

/** What kind of failure it was: PostgreSQL's SQLSTATE, a stable code of ours or of the system, or the class. */
export function errorType(error: unknown): string {
  if (!(error instanceof Error)) return '_OTHER';
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && CODE.test(code) ? code : error.name;
}
