import { describe, expect, it } from '@jest/globals';
import { childTraceParent, traceIdOf } from '../../../src/logging/trace-parent.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('the trace parent of a request', () => {
  it('keeps the incoming trace id and names this request as the parent', () => {
    const header = childTraceParent(`00-${TRACE}-00f067aa0ba902b7-01`);
    expect(traceIdOf(header)).toBe(TRACE);
    expect(header).toMatch(new RegExp(`^00-${TRACE}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`));
  });

  it.each([
    [undefined],
    [['00', '01']],
    [''],
    [`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
    [`00-${TRACE}-${'0'.repeat(16)}-01`],
    [`ff-${TRACE}-00f067aa0ba902b7-01`],
    [`00-${TRACE.toUpperCase()}-00f067aa0ba902b7-01`],
    [`00-${TRACE}-00f067aa0ba902b7-01\nforged: line`],
  ])('starts a new trace when the header is %j', (header) => {
    const first = childTraceParent(header);
    expect(first).toMatch(/^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-00$/);
    expect(traceIdOf(first)).not.toBe(traceIdOf(childTraceParent(header)));
  });

  it('has unique trace and span ids across 2,000 requests', () => {
    const ids = Array.from({ length: 2_000 }, () => childTraceParent(undefined).split('-'));
    expect(new Set(ids.map(([, traceId]) => traceId)).size).toBe(2_000);
    expect(new Set(ids.map(([, , spanId]) => spanId)).size).toBe(2_000);
  });

  it.each([[undefined], [''], [7], [['00']], ['forged\nline']])('has no trace id when the header is %j', (header) => {
    expect(traceIdOf(header)).toBeUndefined();
  });
});
