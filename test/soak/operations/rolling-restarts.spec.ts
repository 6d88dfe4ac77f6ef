import { expect, it } from '@jest/globals';
import { rollingRestarts } from '../../contracts/rolling-restarts.js';

const RESTARTS = 10;

it('ten rolling restarts under 200 requests a second lose no request', async () => {
  const report = await rollingRestarts(RESTARTS);
  process.stdout.write(`${JSON.stringify(report)}\n`);
  expect(report.lost).toEqual([]);
  expect(report.answered).toBe(report.requests);
  expect(report.requests).toBeGreaterThan(1_000);
  expect(report.exitCodes).toEqual(Array(RESTARTS).fill(0));
}, 300_000);
