import { expect, it } from '@jest/globals';
import type { Finding } from '../../../../src/doctor/diagnosis/finding.js';
import { fail, ok } from '../../../../src/doctor/diagnosis/finding.js';
import { DoctorRuns } from '../../../../src/doctor/reports/doctor-runs.js';

/** Checks whose end the test decides. */
function heldChecks() {
  const ends: ((findings: readonly Finding[]) => void)[] = [];
  const diagnose = () => new Promise<readonly Finding[]>((resolve) => ends.push(resolve));
  return { ends, diagnose };
}

it('checks once for requests that arrive meanwhile, and again for the next', async () => {
  const { ends, diagnose } = heldChecks();
  const runs = new DoctorRuns(diagnose);
  const both = [runs.report(), runs.report()];
  ends[0]!([ok('catalog', 'fine')]);
  const [first, second] = await Promise.all(both);
  expect(second).toBe(first);
  expect(first).toMatchObject({ healthy: true, findings: [{ check: 'catalog', verdict: 'ok' }] });
  const next = runs.report();
  ends[1]!([fail('catalog', 'away', 'start it')]);
  expect(await next).toMatchObject({ healthy: false });
  expect(ends).toHaveLength(2);
});

it('lets a request wait for a limited time, and gives the result to a later one', async () => {
  const { ends, diagnose } = heldChecks();
  const runs = new DoctorRuns(diagnose, 5);
  await expect(runs.report()).rejects.toMatchObject({ code: 'DOCTOR_RUNNING', retryAfterSeconds: 5 });
  const later = runs.report();
  ends[0]!([]);
  expect((await later).findings).toEqual([]);
  expect(ends).toHaveLength(1);
});

it('begins again after checks that have thrown', async () => {
  let calls = 0;
  const runs = new DoctorRuns(async () => {
    calls += 1;
    if (calls === 1) throw new Error('no memory');
    return [];
  });
  await expect(runs.report()).rejects.toThrow('no memory');
  expect((await runs.report()).healthy).toBe(true);
});
