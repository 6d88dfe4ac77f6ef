import { afterEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';
import { EventLoopDelayMonitor } from '../../../../src/metrics/process/event-loop-delay-monitor.js';
import { RuntimeMetrics } from '../../../../src/metrics/process/runtime-metrics.js';
import { Shutdown } from '../../../../src/platform/shutdown/shutdown.js';
import { ManualClock } from '../../../support/manual-clock.js';
import { soon } from '../../../support/load/soon.js';
import { Exposition } from '../../../support/metrics/exposition.js';

const WINDOW_MS = 15_000;
const BLOCKED_MS = 200;

/** @returns how long it was blocked in fact, in seconds */
function blockTheEventLoop(forMs = BLOCKED_MS): number {
  const from = performance.now();
  let blockedMs = 0;
  while (blockedMs < forMs) blockedMs = performance.now() - from;
  return blockedMs / 1000;
}

describe('a delay of the event loop', () => {
  const watches: EventLoopDelayMonitor[] = [];
  afterEach(() => watches.forEach((watch) => watch.stop()));

  const watching = (clock: ManualClock): EventLoopDelayMonitor => {
    const watch = new EventLoopDelayMonitor(clock.now);
    watches.push(watch);
    return watch;
  };
  const blockWhileWatched = async (watch: EventLoopDelayMonitor): Promise<number> => {
    await soon(async () => expect(watch.hasSamples).toBe(true));
    return blockTheEventLoop();
  };

  it('is visible to every scrape in the next 15 s, and to none after 30 s', async () => {
    const clock = new ManualClock();
    const watch = watching(clock);
    const blockedSeconds = await blockWhileWatched(watch);
    const readDelay = async (): Promise<number> => {
      const { max } = watch.delay();
      expect(max / blockedSeconds).toBeGreaterThan(0.8);
      return max;
    };
    await soon(async () => void (await readDelay()));
    clock.advance(WINDOW_MS);
    const atTheEnd = await readDelay(); // the reader at the window's end, which begins the next one
    expect(await readDelay()).toBe(atTheEnd); // another reader a moment later
    clock.advance(WINDOW_MS);
    watch.delay();
    expect(watch.delay().max).not.toBe(atTheEnd); // whatever the machine did since
  });
});

describe('the runtime metrics', () => {
  it('stop measuring the event loop after shutdown', async () => {
    const registry = new Registry();
    const shutdown = new Shutdown();
    const runtime = new RuntimeMetrics(registry, shutdown);
    const lag = async (): Promise<number> => {
      runtime.refresh();
      return new Exposition(await registry.metrics()).value('nodejs_eventloop_lag_max_seconds');
    };
    await soon(async () => {
      blockTheEventLoop();
      expect(await lag()).toBeGreaterThan(0);
    });
    await shutdown.run();
    const before = await lag();
    blockTheEventLoop(2 * BLOCKED_MS);
    await new Promise((resolve) => setTimeout(resolve, 50)); // long enough for a running monitor to record it
    expect(await lag()).toBe(before);
  });
});
