import { Inject, Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import { endsWithin } from '../platform/timeout.js';
import type { OpenTelemetry } from './open-telemetry.js';
import { startTracing } from './start-tracing.js';
import { currentTracing, useTracing } from './tracing.js';

const OPEN_TELEMETRY = Symbol('OPEN_TELEMETRY');

/** An unresponsive collector must not use up the `SHUTDOWN_TIMEOUT`. */
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
      inject: [HttpAdapterHost],
      useFactory: async ({ httpAdapter }: HttpAdapterHost): Promise<OpenTelemetry | undefined> => {
        const tracing = await startTracing(process.env, logger);
        if (!tracing) return undefined;
        const { registerRequestSpans } = await import('./request-spans.js');
        registerRequestSpans(httpAdapter.getInstance<FastifyInstance>(), tracing.tracer);
        return tracing;
      },
    },
  ],
})
export class TracingModule implements OnApplicationShutdown {
  constructor(@Inject(OPEN_TELEMETRY) private readonly tracing: OpenTelemetry | undefined) {}

  /** Flushes the remaining spans, within a time limit; no request is in flight any more. */
  async onApplicationShutdown(): Promise<void> {
    if (!this.tracing) return;
    if (currentTracing() === this.tracing) useTracing(undefined);
    const flushed = this.tracing.stop().catch(() => undefined); // logged by the exporter
    if (!(await endsWithin(flushed, FLUSH_WITHIN_MS)))
      logger.warn(`The last traces could not be exported within ${FLUSH_WITHIN_MS} ms`);
  }
}
