import { Logger, Module } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { endsWithin } from '../platform/timeout.js';
import { Shutdown } from '../platform/shutdown/shutdown.js';
import type { OpenTelemetry } from './open-telemetry.js';
import { startTracing } from './start-tracing.js';
import { currentTracing, useTracing } from './tracing.js';

const OPEN_TELEMETRY = Symbol('OPEN_TELEMETRY');

/** An unresponsive collector must not delay the end by all that is left of `SHUTDOWN_TIMEOUT`. */
const FLUSH_WITHIN_MS = 2_000;

const logger = new Logger('Tracing');

/**
 * Tracing, when OpenTelemetry's standard variables enable it. Import it first: modules add hooks to the server while
 * they are created, and the hook that creates the request span must precede them.
 */
@Module({
  providers: [
    {
      provide: OPEN_TELEMETRY,
      inject: [HttpAdapterHost, Shutdown],
      useFactory: async ({ httpAdapter }: HttpAdapterHost, shutdown: Shutdown): Promise<OpenTelemetry | undefined> => {
        const tracing = await startTracing(process.env, logger);
        if (!tracing) return undefined;
        shutdown.add('end traces and metrics', () => flush(tracing));
        const { registerRequestSpans } = await import('./request-spans.js');
        registerRequestSpans(httpAdapter.getInstance<FastifyInstance>(), tracing.tracer);
        return tracing;
      },
    },
  ],
})
export class TracingModule {}

/** Exports the remaining spans, within a time limit; no request is in flight any more. */
async function flush(tracing: OpenTelemetry): Promise<void> {
  if (currentTracing() === tracing) useTracing(undefined);
  const flushed = tracing.stop().catch(() => undefined); // logged by the exporter
  if (!(await endsWithin(flushed, FLUSH_WITHIN_MS)))
    logger.warn(`The last traces could not be exported within ${FLUSH_WITHIN_MS} ms`);
}
