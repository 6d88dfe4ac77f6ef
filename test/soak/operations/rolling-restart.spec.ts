import { expect, it } from '@jest/globals';
import { rollingRestarts } from '../../contracts/rolling-restarts.js';

it('two rolling restarts under 200 requests a second lose no request', async () => {
  const { asked, answered, lost, exitCodes } = await rollingRestarts(2);
  expect(lost).toEqual([]);
  expect(answered).toBe(asked);
  expect(asked).toBeGreaterThan(200);
  expect(exitCodes).toEqual([0, 0]);
});
