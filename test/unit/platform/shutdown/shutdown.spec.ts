import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { Shutdown, SHUTDOWN_STEPS } from '../../../../src/platform/shutdown/shutdown.js';
import { LogRecorder } from '../../../support/log-recorder.js';

const TIMEOUT_MS = 10_000;
const ALL_STEPS = SHUTDOWN_STEPS.map(({ step }) => step);

let shutdown: Shutdown;
let ended: string[];
let log: LogRecorder;

beforeEach(() => {
  jest.useFakeTimers();
  shutdown = new Shutdown(TIMEOUT_MS);
  ended = [];
  log = new LogRecorder();
  Logger.overrideLogger(log);
});

afterEach(() => {
  jest.useRealTimers();
});

const hang = (): Promise<never> => new Promise(() => undefined);

/** Runs all steps on the fake clock. @returns how long they took in its ms */
async function run(): Promise<number> {
  const startedAtMs = performance.now();
  const tookMs: number[] = [];
  void shutdown.run().then(() => tookMs.push(performance.now() - startedAtMs));
  while (tookMs.length === 0) await jest.advanceTimersByTimeAsync(10);
  return tookMs[0] ?? 0;
}

describe('a shutdown', () => {
  it('runs its steps in the written order, whatever the order in which they were registered', async () => {
    for (const step of ALL_STEPS.toReversed()) shutdown.add(step, () => ended.push(step));
    await run();
    expect(ended).toEqual(ALL_STEPS);
  });

  it('begins a step when the one before has ended', async () => {
    shutdown.add('finish requests', async () => {
      await new Promise((resolve) => setTimeout(resolve, 100));
      ended.push('requests');
    });
    shutdown.add('close tenant pools', () => ended.push('pools'));
    await run();
    expect(ended).toEqual(['requests', 'pools']);
  });

  it('runs each step once, up to the one that is asked for', async () => {
    for (const step of ALL_STEPS) shutdown.add(step, () => ended.push(step));
    await Promise.all([shutdown.run('finish requests'), shutdown.run('stop listening')]);
    expect(ended).toEqual(ALL_STEPS.slice(0, 4));
    await shutdown.run();
    expect(ended).toEqual(ALL_STEPS);
  });

  it('closes all parts of a step at the same time, and ends the step with the last one', async () => {
    let letGo!: () => void;
    shutdown.add('close the catalog', () => new Promise<void>((resolve) => (letGo = resolve)));
    shutdown.add('close the catalog', () => letGo());
    shutdown.add('close Redis', () => ended.push('Redis'));
    await shutdown.run();
    expect(ended).toEqual(['Redis']);
  });
});

describe('a step that hangs', () => {
  it('is left, logged, and the next ones run', async () => {
    shutdown.add('pause operations', hang);
    shutdown.add('close the catalog', () => ended.push('catalog'));
    await run();
    expect(ended).toEqual(['catalog']);
    expect(
      log.matching('warn', /^pause operations: the next step begins, because this one is not done after \d+ ms/),
    ).toHaveLength(1);
  });

  it('does not make the sum exceed the timeout, not even when each step hangs', async () => {
    for (const step of ALL_STEPS) shutdown.add(step, hang);
    expect(await run()).toBeLessThan(TIMEOUT_MS);
  });

  it('takes from the next ones the time to end by themselves, and leaves them time to end by force', async () => {
    const graces: number[] = [];
    shutdown.add('finish requests', hang);
    shutdown.add('close tenant pools', (graceMs) => {
      graces.push(graceMs);
      return new Promise<void>((resolve) => setTimeout(() => resolve(void ended.push('pools')), graceMs + 10));
    });
    await run();
    expect(graces).toEqual([0]);
    expect(ended).toEqual(['pools']);
  });

  it('has as much less time as had passed since the signal before the first step', async () => {
    shutdown.begin(TIMEOUT_MS / 2);
    for (const step of ALL_STEPS) shutdown.add(step, hang);
    expect(await run()).toBeLessThan(TIMEOUT_MS / 2);
  });

  it('keeps its time while an application closes its own server between two steps', async () => {
    shutdown.add('close tenant pools', (graceMs) => ended.push(graceMs > 0 ? 'in peace' : 'by force'));
    await shutdown.beforeApplicationShutdown();
    await jest.advanceTimersByTimeAsync(2 * TIMEOUT_MS);
    await shutdown.onApplicationShutdown();
    expect(ended).toEqual(['in peace']);
  });
});

describe('a step that fails', () => {
  it.each([
    [
      'throws',
      (): never => {
        throw new Error('no socket');
      },
    ],
    ['rejects', () => Promise.reject(new Error('no socket'))],
  ])(
    'and %s is logged with its reason, and neither its other parts nor the next steps are kept from ending',
    async (_how, fail) => {
      shutdown.add('close the catalog', fail);
      shutdown.add('close the catalog', () => ended.push('other part'));
      shutdown.add('close Redis', () => ended.push('Redis'));
      await run();
      expect(ended).toEqual(['other part', 'Redis']);
      expect(log.matching('error', /^close the catalog: failed: no socket/)).toHaveLength(1);
    },
  );
});

describe('the start of an application', () => {
  it('closes what is open before its error is thrown', async () => {
    shutdown.add('close the catalog', () => Promise.reject(new Error('cannot be closed')));
    shutdown.add('close Redis', () => ended.push('Redis'));
    await expect(shutdown.duringStart(() => Promise.reject(new Error('no pooler')))).rejects.toThrow('no pooler');
    expect(ended).toEqual(['Redis']);
  });

  it('closes at once what is opened after it has failed', async () => {
    await shutdown.run();
    shutdown.add('close the catalog', () => ended.push('late'));
    expect(ended).toEqual(['late']);
  });

  it('closes nothing while it succeeds', async () => {
    shutdown.add('close the catalog', () => ended.push('open'));
    expect(await shutdown.duringStart(async () => 'started')).toBe('started');
    expect([ended, shutdown.hasBegun]).toEqual([[], false]);
  });
});

describe('the steps of a shutdown', () => {
  it('are those that docs/operations.md lists, in that order and within these shares of the timeout', () => {
    const text = readFileSync(new URL('../../../../docs/operations.md', import.meta.url), 'utf8');
    const [, section = ''] = text.split('\n## Shutdown, in order\n');
    const rows = (section.split('\n## ')[0] ?? '').matchAll(/^\| ([a-zA-Z ]+?) +\| (\d+) % +\|/gm);
    const listed = Array.from(rows, ([, step, percent]) => ({ step, untilPercent: Number(percent) }));
    expect(listed).toEqual(SHUTDOWN_STEPS);
  });

  it('end one after another, the last one before the timeout', () => {
    const ends = SHUTDOWN_STEPS.map(({ untilPercent }) => untilPercent);
    expect(ends).toEqual(ends.toSorted((a, b) => a - b));
    expect(ends.at(-1)).toBeLessThan(100);
  });
});
