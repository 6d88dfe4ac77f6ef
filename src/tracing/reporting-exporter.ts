import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-node';

type LogFunction = (message: string) => void;
type ExportCallback = Parameters<SpanExporter['export']>[1];

/** `ExportResultCode.SUCCESS` of @opentelemetry/core. */
const SUCCESS = 0;

/** Logs once when exports start failing and once when they recover: the SDK logs either nothing or every batch. */
export class ReportingExporter implements SpanExporter {
  private failing = false;

  constructor(
    private readonly exporter: SpanExporter,
    private readonly logger: { readonly log: LogFunction; readonly warn: LogFunction },
  ) {}

  export(spans: ReadableSpan[], done: ExportCallback): void {
    this.exporter.export(spans, (result) => {
      this.report(result.code === SUCCESS, result.error);
      done(result);
    });
  }

  shutdown(): Promise<void> {
    return this.exporter.shutdown();
  }

  async forceFlush(): Promise<void> {
    await this.exporter.forceFlush?.();
  }

  private report(succeeded: boolean, error: Error | undefined): void {
    if (succeeded !== this.failing) return;
    this.failing = !succeeded;
    if (succeeded) this.logger.log('Trace export has recovered');
    else this.logger.warn(`Trace export is failing, spans are dropped: ${error?.message ?? 'unknown error'}`);
  }
}
