import { randomFillSync } from 'node:crypto';

/** W3C Trace Context: `00-<trace id>-<span id>-<flags>` (https://www.w3.org/TR/trace-context/#traceparent-header). */
const TRACE_PARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;

// Asking for random bytes costs the same for many as for a few.
const random = Buffer.allocUnsafe(8_192);
let used = random.length;

/** What goes on to others: the trace that a request came with, or a new one, and this request as the parent. */
export function ownTraceParent(given: string | string[] | undefined): string {
  const [, traceId, flags = '00'] = (typeof given === 'string' && TRACE_PARENT.exec(given)) || [];
  return `00-${traceId ?? randomHex(TRACE_ID_BYTES)}-${randomHex(SPAN_ID_BYTES)}-${flags}`;
}

/** The trace that a `traceparent` names; undefined where it is none. */
export function traceIdOf(traceParent: unknown): string | undefined {
  return typeof traceParent === 'string' ? TRACE_PARENT.exec(traceParent)?.[1] : undefined;
}

function randomHex(bytes: number): string {
  if (used + bytes > random.length) {
    randomFillSync(random);
    used = 0;
  }
  used += bytes;
  return random.toString('hex', used - bytes, used);
}
