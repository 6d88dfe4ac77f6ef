import { type Span, SpanStatusCode } from '@opentelemetry/api';

const CODE = /^[\w.]{1,64}$/;

/** Marks the span as failed with an error type only: an error's message may contain row values. */
export function markFailed(span: Span, type: string): void {
  span.setStatus({ code: SpanStatusCode.ERROR });
  span.setAttribute('error.type', type);
}

/** The type of an error: PostgreSQL's SQLSTATE, an application or system error code, or the name of its class. */
export function errorType(error: unknown): string {
  if (!(error instanceof Error)) return '_OTHER';
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && CODE.test(code) ? code : error.name;
}
