import { expect, it } from '@jest/globals';
import { estimateCopy } from '../../../../src/admin/moves/preview/source-survey.js';
import { COPY_PACES } from '../../../../src/database/copy/streams/transfer-meter.js';

const sizes = [{ table: 'orders', rows: 9_000, bytes: 900_000, isEstimated: false }];
const sample = { rows: 3_000, bytes: 300_000, ms: 200 };

it('a copy is estimated by the part of its rows that was read, with its rests', () => {
  const secondsAt = (pace: keyof typeof COPY_PACES): number | undefined =>
    estimateCopy({ sizes, sample, roundTripMs: 1 }, COPY_PACES[pace])?.estimatedSeconds;
  expect([secondsAt('full'), secondsAt('considerate')]).toEqual([6, 12]);
});

it('without rows there is no estimate', () => {
  expect(estimateCopy({ sizes: [], sample: { ...sample, rows: 0 }, roundTripMs: 1 }, COPY_PACES.full)).toBeNull();
});
