import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import type { FastifyInstance } from 'fastify';
import type { OpenTelemetry } from './open-telemetry.js';
import { startTracing } from './start-tracing.js';
import { currentTracing, useTracing } from './tracing.js';

const OPEN_TELEMETRY = Symbol('OPEN_TELEMETRY');

/** A collector that does not answer must not cost the others their share of `SHUTDOWN_TIMEOUT`. */
const FLUSH_WITHIN_MS = 2_000;

const logger = new Logger('Tracing');

/**
 * Traces, when OpenTelemetry's standard variables ask for them. Import it first: what is being built already puts its
 * hooks on the server, and those of the request's span have to come before the others'.
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

  /** Nothing is in flight any more. Sends the spans that are left, as far as they are taken in time. */
  async onApplicationShutdown(): Promise<void> {
    if (!this.tracing) return;
    if (currentTracing() === this.tracing) useTracing(undefined);
    const flushed = this.tracing.stop().then(
      () => true,
      () => true, // the exporter has said why
    );
    const inTime = await Promise.race([flushed, delay(FLUSH_WITHIN_MS, false, { ref: false })]);
    if (!inTime) logger.warn(`The last traces were not taken within ${FLUSH_WITHIN_MS} ms`);
  }
}
