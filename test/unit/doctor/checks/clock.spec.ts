import { describe, expect, it } from '@jest/globals';
import type { CatalogContext } from '../../../../src/doctor/diagnosis/check.js';
import { clock } from '../../../../src/doctor/checks/clock.js';

function check(clock_ahead_ms: number) {
  const state = { server: { name: 'eu-2' }, facts: { clock_ahead_ms }, problem: undefined };
  return clock.run({ servers: [state] } as unknown as CatalogContext);
}

describe('the clock check of doctor', () => {
  it.each([
    [0, 'ok'],
    [-1_000, 'ok'],
    [1_001, 'warn'],
    [-5_000, 'warn'],
    [5_001, 'fail'],
    [-3_600_000, 'fail'],
  ])('rates a server clock that is %d ms ahead as %s', (ahead, verdict) => {
    expect(check(ahead)).toMatchObject([{ check: 'clock', verdict, subject: 'eu-2' }]);
  });

  it('reports nothing about a server that does not answer', () => {
    const state = { server: { name: 'eu-2' }, facts: undefined, problem: 'it is away' };
    expect(clock.run({ servers: [state] } as unknown as CatalogContext)).toEqual([]);
  });
});
