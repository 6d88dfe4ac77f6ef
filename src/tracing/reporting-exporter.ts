import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace-node';

type Say = (message: string) => void;
type Done = Parameters<SpanExporter['export']>[1];

/** `ExportResultCode.SUCCESS` of @opentelemetry/core. */
const SUCCESS = 0;

/** Says once that spans are not taken, and once that they are again: the SDK is silent, or says it with every batch. */
export class ReportingExporter implements SpanExporter {
  private failing = false;

  constructor(
    private readonly exporter: SpanExporter,
    private readonly say: { readonly log: Say; readonly warn: Say },
  ) {}

  export(spans: ReadableSpan[], done: Done): void {
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

  private report(taken: boolean, error: Error | undefined): void {
    if (taken !== this.failing) return;
    this.failing = !taken;
    if (taken) this.say.log('Traces are taken again');
    else this.say.warn(`Traces are not taken, and are dropped until they are: ${error?.message ?? 'no reason given'}`);
  }
}
