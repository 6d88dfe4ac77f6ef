import { afterEach, beforeEach, expect, it, jest } from '@jest/globals';
import { onStopSignal } from '../../../../src/platform/shutdown/stop-signals.js';

const received: string[] = [];
let forget: () => void;

beforeEach(() => {
  received.length = 0;
  jest.useFakeTimers();
  jest.spyOn(process, 'exit').mockImplementation((code) => void received.push(`exit ${code}`) as never);
  forget = onStopSignal((signal) => received.push(signal), 7);
});

afterEach(() => {
  forget();
  jest.restoreAllMocks();
  jest.useRealTimers();
});

it('the first signal stops, the same key press does nothing more, and a later one exits', () => {
  process.emit('SIGINT', 'SIGINT');
  process.emit('SIGINT', 'SIGINT');
  jest.advanceTimersByTime(400);
  process.emit('SIGTERM', 'SIGTERM');
  expect(received).toEqual(['SIGINT']);
  jest.advanceTimersByTime(200);
  process.emit('SIGINT', 'SIGINT');
  expect(received).toEqual(['SIGINT', 'exit 7']);
});

it('signals are left to others afterwards', () => {
  const before = process.listenerCount('SIGTERM');
  forget();
  expect(process.listenerCount('SIGTERM')).toBe(before - 1);
});
