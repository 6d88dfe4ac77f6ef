import { context, diag, type DiagLogFunction, DiagLogLevel, propagation, trace } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import { ApiTracing } from './api-tracing.js';
import { ReportingExporter } from './reporting-exporter.js';

type LogFunction = (message: string) => void;

/**
 * Tracing with OpenTelemetry's SDK. To be imported only dynamically, by `start-tracing.ts`: it pulls in the SDK's
 * packages, which are optional.
 */
export class OpenTelemetry extends ApiTracing {
  private constructor(private readonly provider: NodeTracerProvider) {
    super(provider.getTracer('tenantry'));
  }

  /** Reads the standard variables and registers with OpenTelemetry's API, so that other code can create spans, too. */
  static start(logger: { readonly log: LogFunction; readonly warn: LogFunction }): OpenTelemetry {
    // During startup only, so that the SDK reports invalid settings but not every failed export later.
    diag.setLogger(
      toDiagLogger((message) => logger.warn(message)),
      DiagLogLevel.WARN,
    );
    try {
      const exporter = new ReportingExporter(new OTLPTraceExporter(), logger);
      const provider = new NodeTracerProvider({
        resource: resource(),
        spanProcessors: [new BatchSpanProcessor(exporter)],
      });
      provider.register();
      return new OpenTelemetry(provider);
    } finally {
      diag.disable();
    }
  }

  /** Unregisters from OpenTelemetry's API and flushes the remaining spans. */
  async stop(): Promise<void> {
    trace.disable();
    context.disable();
    propagation.disable();
    await this.provider.shutdown();
  }
}

/** Attributes from the environment take precedence. Without the process detector, which sends the command line. */
function resource() {
  const detected = detectResources({ detectors: [serviceInstanceIdDetector, envDetector] });
  return defaultResource()
    .merge(resourceFromAttributes({ 'service.name': 'tenantry' }))
    .merge(detected);
}

function toDiagLogger(warn: LogFunction): Record<'error' | 'warn' | 'info' | 'debug' | 'verbose', DiagLogFunction> {
  const log: DiagLogFunction = (message) => warn(message);
  return { error: log, warn: log, info: log, debug: log, verbose: log };
}
