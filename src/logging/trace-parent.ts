import { randomFillSync } from 'node:crypto';

/** W3C Trace Context: `00-<trace id>-<span id>-<flags>` (https://www.w3.org/TR/trace-context/#traceparent-header). */
const TRACE_PARENT = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-([0-9a-f]{2})$/;

const TRACE_ID_BYTES = 16;
const SPAN_ID_BYTES = 8;

// Random bytes are requested in bulk, because a large request costs as much as a small one.
const random = Buffer.allocUnsafe(8_192);
let used = random.length;

/** Returns the `traceparent` to pass on: the incoming trace, or a new one, with this request as the parent. */
export function childTraceParent(incoming: string | string[] | undefined): string {
  const [, traceId, flags = '00'] = (typeof incoming === 'string' && TRACE_PARENT.exec(incoming)) || [];
  return `00-${traceId ?? randomHex(TRACE_ID_BYTES)}-${randomHex(SPAN_ID_BYTES)}-${flags}`;
}

/** The trace id of a `traceparent`; undefined when the value is invalid. */
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
