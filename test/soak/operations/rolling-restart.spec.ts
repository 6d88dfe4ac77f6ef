import { expect, it } from '@jest/globals';
import { rollingRestarts } from '../../contracts/rolling-restarts.js';

it('two rolling restarts under 200 requests a second lose no request', async () => {
  const { requests, answered, lost, exitCodes } = await rollingRestarts(2);
  expect(lost).toEqual([]);
  expect(answered).toBe(requests);
  expect(requests).toBeGreaterThan(200);
  expect(exitCodes).toEqual([0, 0]);
});
