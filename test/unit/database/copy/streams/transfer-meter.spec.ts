import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { CONSIDERATE, TransferMeter } from '../../../../../src/database/copy/streams/transfer-meter.js';

const PIECE = Buffer.from('1\ta\n2\tb\n');
const { signal } = new AbortController();
const ignore = (): void => undefined;

beforeEach(() => {
  jest.useFakeTimers();
});
afterEach(() => {
  jest.useRealTimers();
});

/** @returns the waits that the meter asks for, in ms, when each of so many pieces takes so long, and each wait is kept */
function waitsOf(meter: TransferMeter, pieces: number, workMs: number): number[] {
  return Array.from({ length: pieces }, () => {
    jest.advanceTimersByTime(workMs);
    const waitMs = Math.max(0, meter.count(PIECE));
    jest.advanceTimersByTime(waitMs);
    return waitMs;
  });
}

it('without a pace nothing waits', () => {
  expect(waitsOf(new TransferMeter(ignore), 3, 200)).toEqual([0, 0, 0]);
});

it('a considerate copy rests as long as it has worked, in slices of a tenth of a second', () => {
  expect(waitsOf(new TransferMeter(ignore, CONSIDERATE), 6, 40)).toEqual([0, 0, 120, 0, 0, 120]);
});

it('at a quarter of the time, it rests three times as long', () => {
  expect(waitsOf(new TransferMeter(ignore, { workingShare: 0.25 }), 2, 100)).toEqual([300, 300]);
});

it('a wait for the limit of bytes is rest too', () => {
  const pace = { ...CONSIDERATE, maxBytesPerSecond: 10 };
  expect(waitsOf(new TransferMeter(ignore, pace), 2, 300)).toEqual([800, 500]);
});

it('a wait for the limit of bytes hides no work that is to be rested for', () => {
  const pace = { ...CONSIDERATE, maxBytesPerSecond: 800 }; // 10 ms for each piece
  expect(waitsOf(new TransferMeter(ignore, pace), 3, 5)).toEqual([10, 5, 5]);
  const meter = new TransferMeter(ignore, pace);
  waitsOf(meter, 2, 40);
  expect(waitsOf(meter, 1, 40)).toEqual([120]);
});

it('what is worked without pieces is rested for at the next rest', async () => {
  jest.useRealTimers(); // those of promises are real
  const meter = new TransferMeter(ignore, CONSIDERATE);
  const startedAt = performance.now();
  await delay(150);
  const workedMs = performance.now() - startedAt;
  await meter.rest(signal);
  expect(performance.now() - startedAt).toBeGreaterThan(1.9 * workedMs);
  expect(meter.count(PIECE)).toBeLessThanOrEqual(0);
});

it('a rest ends with its signal, with the reason', async () => {
  const meter = new TransferMeter(ignore, CONSIDERATE);
  const ending = new AbortController();
  jest.advanceTimersByTime(5_000);
  const rest = meter.rest(ending.signal);
  const reason = new Error('given up');
  ending.abort(reason);
  await expect(rest).rejects.toBe(reason);
});
