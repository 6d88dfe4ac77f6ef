import { Logger } from '@nestjs/common';
import { startupInterruption } from '../../catalog/startup-wait.js';
import { onStopSignal } from '../../platform/shutdown/stop-signals.js';
import type { Application } from '../application.js';
import { fail } from './fail.js';

const logger = new Logger('Tenantry');

/**
 * The first signal shuts down gracefully, even during startup; a second one, or the deadline, exits immediately. So does an
 * uncaught exception, with exit code 1: unlike a rejected promise, it may have left any object half changed.
 *
 * @returns does the same as the first signal; only the first call counts
 */
export function stopInOrder(starting: Promise<Application>, timeoutMs: number): () => void {
  let isStopping = false;
  const stop = async (exitCode: number): Promise<void> => {
    if (isStopping) return;
    isStopping = true;
    const signalledAtMs = performance.now();
    startupInterruption.abort();
    setTimeout(() => fail(new Error(`did not shut down within ${timeoutMs} ms, exiting`)), timeoutMs).unref();
    try {
      const application = await starting;
      await application.stop(performance.now() - signalledAtMs);
    } catch (error) {
      fail(error);
    }
    process.exit(exitCode);
  };
  onStopSignal((signal) => {
    logger.log(`Received ${signal}, shutting down`);
    void stop(0);
  }, 1);
  process.on('uncaughtException', (error: unknown) => {
    logger.fatal('Uncaught exception, shutting down', error instanceof Error ? error.stack : String(error));
    void stop(1);
  });
  return () => void stop(0);
}
