import { randomBytes } from 'node:crypto';

/** W3C Trace Context: `00-<trace id>-<span id>-<flags>` (https://www.w3.org/TR/trace-context/#traceparent-header). */
const TRACE_PARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;

export interface TraceParent {
  readonly traceId: string;
  /** What goes on to others: the same trace, with this request as the parent. */
  readonly header: string;
}

/** The trace that a request belongs to: the one it came with, or a new one. */
export function traceOf(header: string | string[] | undefined): TraceParent {
  const [, given, flags = '00'] = (typeof header === 'string' && TRACE_PARENT.exec(header)) || [];
  const random = randomBytes(24).toString('hex');
  const traceId = given ?? random.slice(16);
  return { traceId, header: `00-${traceId}-${random.slice(0, 16)}-${flags}` };
}
