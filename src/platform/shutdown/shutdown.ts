import { type BeforeApplicationShutdown, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { reasonOf } from '../errors/reason-of.js';
import { endsWithin } from '../timeout.js';

/**
 * What ends, in this order. All steps share `SHUTDOWN_TIMEOUT`: each may take what is left of these percent of it after the
 * steps before; then the next one begins.
 */
export const SHUTDOWN_STEPS = [
  { step: 'report not ready', untilPercent: 30 },
  { step: 'stop listening', untilPercent: 35 },
  { step: 'end followers of operations', untilPercent: 40 },
  { step: 'finish requests', untilPercent: 90 },
  { step: 'pause operations', untilPercent: 91 },
  { step: 'close tenant pools', untilPercent: 93 },
  { step: 'close admin connections', untilPercent: 94 },
  { step: 'write refused attempts', untilPercent: 95 },
  { step: 'write usage', untilPercent: 95 },
  { step: 'stop the change feed', untilPercent: 96 },
  { step: 'close the catalog', untilPercent: 97 },
  { step: 'close Redis', untilPercent: 97 },
  { step: 'end traces and metrics', untilPercent: 98 },
  { step: 'stop embedded PostgreSQL', untilPercent: 99 },
] as const;

export type ShutdownStep = (typeof SHUTDOWN_STEPS)[number]['step'];

/** Ends one part of the process. What has not ended by itself after `graceMs`, it ends by force. */
type Close = (graceMs: number) => unknown;

/** The end of a step, in which parts end by force. */
const FORCE_PERCENT = 10;
/** Steps that took less are logged at debug level. */
const QUICK_MS = 1_000;
const LAST_STEP = 'stop embedded PostgreSQL';

/**
 * The end of a process, of an application that has imported the package, or of a command: `SHUTDOWN_STEPS` one after another,
 * within one time limit. Whatever opens something registers here how it is closed. So it is also closed when the application
 * cannot start: Nest calls no hooks of an application that it could not create.
 */
export class Shutdown implements BeforeApplicationShutdown, OnApplicationShutdown {
  private readonly logger = new Logger(Shutdown.name);
  private readonly parts = new Map<ShutdownStep, Close[]>();
  /** What the steps have taken; undefined before the first one. */
  private spentMs: number | undefined;
  /** Index of the next step. */
  private next = 0;
  private running: Promise<void> = Promise.resolve();

  /** @param timeoutMs for all steps together; `SHUTDOWN_TIMEOUT`, once it is known */
  constructor(public timeoutMs = 10_000) {}

  /** Whether this process is shutting down. From then on it is not ready. */
  get hasBegun(): boolean {
    return this.spentMs !== undefined;
  }

  /** Registers how a part is closed; parts of one step are closed at the same time. When the step is over: closed at once. */
  add(step: ShutdownStep, close: Close): void {
    if (this.isOver(step)) void this.close(step, close, 0);
    else this.parts.set(step, [...(this.parts.get(step) ?? []), close]);
  }

  /** Runs a part of the start. When it fails, everything that is open is closed before the error is thrown. */
  async duringStart<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      await this.run();
      throw error;
    }
  }

  /** @param spentMs of the timeout, between the signal and the first step */
  begin(spentMs = 0): void {
    this.spentMs ??= spentMs;
  }

  /** Runs the steps up to and including `last` that have not run yet. Never rejects: what fails is logged. */
  run(last: ShutdownStep = LAST_STEP): Promise<void> {
    this.begin();
    this.running = this.running.then(() => this.runThrough(last));
    return this.running;
  }

  /** In an application of its own server: Nest stops that after this hook, and its open streams must have ended by then. */
  beforeApplicationShutdown(): Promise<void> {
    return this.run('pause operations');
  }

  onApplicationShutdown(): Promise<void> {
    return this.run();
  }

  private async runThrough(last: ShutdownStep): Promise<void> {
    while (!this.isOver(last)) {
      const { step, untilPercent } = SHUTDOWN_STEPS[this.next++] as (typeof SHUTDOWN_STEPS)[number];
      const parts = this.parts.get(step);
      if (parts) await this.runStep(step, parts, untilPercent);
    }
  }

  private async runStep(step: ShutdownStep, parts: readonly Close[], untilPercent: number): Promise<void> {
    const startedAtMs = performance.now();
    const graceMs = this.remainingMs(untilPercent - FORCE_PERCENT);
    const closed = Promise.all(parts.map((close) => this.close(step, close, graceMs)));
    const isDone = await endsWithin(closed, this.remainingMs(untilPercent));
    const tookMs = performance.now() - startedAtMs;
    this.spentMs = (this.spentMs ?? 0) + tookMs;
    const level = !isDone ? 'warn' : tookMs < QUICK_MS ? 'debug' : 'log';
    const outcome = isDone ? 'done in' : 'the next step begins, because this one is not done after';
    this.logger[level](`${step}: ${outcome} ${Math.round(tookMs)} ms`);
  }

  private async close(step: ShutdownStep, close: Close, graceMs: number): Promise<void> {
    try {
      await close(graceMs);
    } catch (error) {
      this.logger.error(`${step}: failed: ${reasonOf(error)}`);
    }
  }

  private isOver(step: ShutdownStep): boolean {
    return SHUTDOWN_STEPS.findIndex((each) => each.step === step) < this.next;
  }

  private remainingMs(untilPercent: number): number {
    return Math.max(0, (this.timeoutMs * untilPercent) / 100 - (this.spentMs ?? 0));
  }
}
