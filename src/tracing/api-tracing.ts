import { SpanKind, trace, type Tracer } from '@opentelemetry/api';
import { errorType, markFailed } from './failed-span.js';
import type { SpanAttributes, SpanDescription, Tracing } from './tracing.js';

const KINDS = { internal: SpanKind.INTERNAL, client: SpanKind.CLIENT };

/** Tracing with OpenTelemetry's API, whichever SDK is registered with it. To be imported dynamically: the API is optional. */
export class ApiTracing implements Tracing {
  constructor(readonly tracer: Tracer) {}

  within<T>(describe: () => SpanDescription, work: () => Promise<T>): Promise<T> {
    // Background work (startup, change feed) would flood the trace store with single-span traces.
    return trace.getActiveSpan()?.isRecording() ? this.record(describe(), work) : work();
  }

  annotate(attributes: SpanAttributes): void {
    trace.getActiveSpan()?.setAttributes(attributes);
  }

  private record<T>({ name, kind, attributes }: SpanDescription, work: () => Promise<T>): Promise<T> {
    return this.tracer.startActiveSpan(name, { kind: KINDS[kind], attributes }, async (span) => {
      try {
        return await work();
      } catch (error) {
        markFailed(span, errorType(error));
        throw error;
      } finally {
        span.end();
      }
    });
  }
}

/** Tracing with the SDK that the process has registered; undefined when it has registered none. */
export function registeredTracing(): ApiTracing | undefined {
  const provider = trace.getTracerProvider() as Partial<ProxyProvider>;
  const isProxyOfNone = provider.getDelegateTracer && provider.getDelegateTracer('tenantry') === undefined;
  return isProxyOfNone ? undefined : new ApiTracing(trace.getTracer('tenantry'));
}

/** What the API returns as its provider, before and after a provider is registered. */
interface ProxyProvider {
  getDelegateTracer(name: string): Tracer | undefined;
}
