import 'reflect-metadata';
import { Logger } from '@nestjs/common';
import { AppModule } from './app/app.module.js';
import { startupInterruption } from './catalog/startup-wait.js';
import { Application } from './server/application.js';
import { banner, nextSteps } from './server/banner.js';
import { loadConfig } from './platform/config/load-config.js';
import { CodedError } from './platform/errors/coded-error.js';
import { onStopSignal } from './platform/shutdown/stop-signals.js';
import { surviveUnhandledRejections } from './platform/unhandled-rejections.js';

const logger = new Logger('Tenantry');

try {
  const loaded = loadConfig({ env: process.env, cwd: process.cwd() });
  const { config } = loaded;
  surviveUnhandledRejections();
  const starting = Application.start(loaded, AppModule);
  stopOnSignalOrException(starting, config.shutdownTimeoutMs);
  const application = await starting;
  logger.log(`Listening on ${application.url}`);
  if (config.log.format === 'pretty') {
    const { url, demo } = application;
    const text = demo ? banner(url, demo, config.dataDir) : nextSteps(url, loaded, await application.hasTenants());
    process.stdout.write(`${text}\n`);
  }
  void application.databaseLost().then(() => fail(new Error('embedded PostgreSQL exited unexpectedly')));
} catch (error) {
  fail(error);
}

/**
 * The first signal shuts down gracefully, even during startup; a second one, or the deadline, exits immediately. So does an
 * uncaught exception, with exit code 1: unlike a rejected promise, it may have left any object half changed.
 */
function stopOnSignalOrException(starting: Promise<Application>, timeoutMs: number): void {
  let isStopping = false;
  const stop = async (exitCode: number): Promise<void> => {
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
    if (isStopping) process.exit(1);
    logger.log(`Received ${signal}, shutting down`);
    void stop(0);
  }, 1);
  process.on('uncaughtException', (error: unknown) => {
    logger.fatal('Uncaught exception, shutting down', error instanceof Error ? error.stack : String(error));
    if (!isStopping) void stop(1);
  });
}

/** Prints an expected error as one line, and an unexpected one with its stack. */
function fail(error: unknown): never {
  if (error instanceof CodedError) process.stderr.write(`tenantry: ${error.message}\n`);
  else process.stderr.write(`tenantry: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
