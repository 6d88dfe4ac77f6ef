import { describe, expect, it } from '@jest/globals';
import { traceOf } from '../../../src/logging/trace-parent.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('the trace of a request', () => {
  it('is the one it came with, with this request as the next parent', () => {
    const { traceId, header } = traceOf(`00-${TRACE}-00f067aa0ba902b7-01`);
    expect(traceId).toBe(TRACE);
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
  ])('is a new one when it came with %j', (header) => {
    const first = traceOf(header);
    expect(first.traceId).toMatch(/^(?!0{32})[0-9a-f]{32}$/);
    expect(first.traceId).not.toBe(traceOf(header).traceId);
    expect(first.header).toMatch(new RegExp(`^00-${first.traceId}-[0-9a-f]{16}-00$`));
  });
});
