import {
  context,
  diag,
  type DiagLogFunction,
  DiagLogLevel,
  propagation,
  SpanKind,
  trace,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { errorType, markFailed } from './failed-span.js';
import { ReportingExporter } from './reporting-exporter.js';
import type { SpanAttributes, SpanDescription, Tracing } from './tracing.js';

const KINDS = { internal: SpanKind.INTERNAL, client: SpanKind.CLIENT };

type Say = (message: string) => void;

/**
 * Traces by OpenTelemetry's SDK. Nothing may import this module but the dynamic import of `start-tracing.ts`: with it
 * come all of the SDK's packages, which are optional.
 */
export class OpenTelemetry implements Tracing {
  private constructor(
    private readonly provider: NodeTracerProvider,
    readonly tracer: Tracer,
  ) {}

  /** Reads the standard variables and registers with OpenTelemetry's API, so that code of others may make spans too. */
  static start(say: { readonly log: Say; readonly warn: Say }): OpenTelemetry {
    // The SDK tells of values that it cannot use; later it would tell of every batch that was not taken.
    diag.setLogger(toLogger(say.warn), DiagLogLevel.WARN);
    try {
      const exporter = new ReportingExporter(new OTLPTraceExporter(), say);
      const provider = new NodeTracerProvider({
        resource: resource(),
        spanProcessors: [new BatchSpanProcessor(exporter)],
      });
      provider.register();
      return new OpenTelemetry(provider, provider.getTracer('tenantry'));
    } finally {
      diag.disable();
    }
  }

  within<T>(describe: () => SpanDescription, work: () => Promise<T>): Promise<T> {
    // Work that no request asked for (start, change feed) would fill the store with traces of one span each.
    return trace.getActiveSpan()?.isRecording() ? this.record(describe(), work) : work();
  }

  annotate(attributes: SpanAttributes): void {
    trace.getActiveSpan()?.setAttributes(attributes);
  }

  /** Sends what is left and takes itself out of OpenTelemetry's API. */
  async stop(): Promise<void> {
    trace.disable();
    context.disable();
    propagation.disable();
    await this.provider.shutdown();
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

/** The environment's own attributes win. Not the process detector: it sends the command line. */
function resource() {
  const given = detectResources({ detectors: [serviceInstanceIdDetector, envDetector] });
  return defaultResource()
    .merge(resourceFromAttributes({ 'service.name': 'tenantry' }))
    .merge(given);
}

function toLogger(warn: Say): Record<'error' | 'warn' | 'info' | 'debug' | 'verbose', DiagLogFunction> {
  const tell: DiagLogFunction = (message) => warn(message);
  return { error: tell, warn: tell, info: tell, debug: tell, verbose: tell };
}
